/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/**
 * Keys of secrets, with camel case split: `user_Password`, `x-api-key`, `accessToken`.
 *
 * `input_tokens`, `token_count` and `author` are none.
 */
const SECRET =
  /passw|passphrase|secret|credential|authorization|cookie|(api|private|access|signing)[-_. ]?key|(?<![a-z])(token|pwd|jwt|bearer|csrf|otp|ssn|cvv)(?![a-z])/i;
/** Said after the name of a secret, these name something about it. */
const ABOUT = /[-_. ](count|type|limit|usage|length|size|age|status|name|id|error)s?$/i;

/** Whether a key says that its value is nobody else's business. */
export function isSecretKey(key: string): boolean {
  const words = key.replace(/[a-z](?=[A-Z])/g, "$&_");
  return SECRET.test(words) && !ABOUT.test(words);
}

/**
 * Credentials in running text: those that betray themselves by how they begin, and what stands where
 * one is expected, in a header, an address, a query. Every repetition is bounded.
 */
const CREDENTIAL =
  /\b([srp]k[-_]|gh[opusr]_|github_pat_|glpat-|xox[a-z]-|npm_|hf_|AKIA|ASIA|AIza|eyJ)[\w.-]{16,4000}|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,8000}|(?<=\b[Bb]earer\s)[\w.~+/-]{8,4000}|(?<=:\/\/[^/\s:@]{0,99}:)[^/\s@]{1,200}(?=@)|(?<=(token|secret|password|passwd|pwd|api_?key|sig|signature)=)[^&\s#"';,]{1,2000}/g;

/** Takes credentials out of running text: messages, stacks, addresses. */
export function redactText(text: string): string {
  // Almost no text has any of these, and looking for them is cheap.
  return /[-_@=]|eyJ|AKIA|ASIA|AIza|earer/.test(text) ? text.replace(CREDENTIAL, REDACTED) : text;
}

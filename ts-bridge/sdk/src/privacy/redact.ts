/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/**
 * Names of secrets, by their words: `user_Password`, `x-api-key`, `accessToken`. Followed by a word
 * that says something about the secret, `token_count`, a name is harmless. `tokens` and `author` are
 * too. The Python side has the same lists, and some rare names more.
 */
const SECRET =
  /_(pass_?(word|phrase|code)|passwd|pwd|secrets?|token|authorization|cookies?|credentials?|bearer|jwt|cv[vc]|[cx]srf|t?otp|mfa|pin|ssn|dsn|(api|access|private|signing|account|ssh|auth|session)_?key|connection_string|credit_card|card_number)_(?!(count|type|limit|usage|length|size|ttl|age|status|name|id|error)s?_)/i;

/** Whether a key says that its value is nobody else's business. */
export function isSecretKey(key: string): boolean {
  const words = key.replace(/[a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g, "$&_").replace(/[\W\d]+/g, "_");
  return SECRET.test(`_${words}_`);
}

/** Credentials that betray themselves by how they begin. Every repetition is bounded. */
const SIGILS =
  /\b(?:[srp]k[-_]|gh[opusr]_|github_pat_|glpat-|pypi-|xox[a-z]-|npm_|hf_|whsec_|AKIA|ASIA|AIza|ya29|eyJ)[\w.-]{16,4000}|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,8000}|(:\/\/[^\s/:@?#]{0,255}:)[^\s/@]{1,512}(?=@)/g;
/** Credentials that stand where one is expected: in a header, a query, a setting. */
const ASSIGNED =
  /(\b(?:bearer|basic) )[\w.~+/=-]{8,4000}|((?:\b|[_-])(?:password|passwd|passphrase|pwd|secret|token|(?:api|access|account)[_-]?key|authorization|sig(?:nature)?)["']?\s{0,2}[=:]\s{0,2})(?!bearer |basic |\[red)(?:"[^"]{1,1000}"|'[^']{1,1000}'|[^\s"'&,;)}\]]{4,1000})/gi;

/** Takes credentials out of running text: messages, stacks, addresses. */
export function redactText(text: string): string {
  // Almost no text has any of these, and looking for them is cheap.
  if (!/[-_.@=:]|A[KIS]I|earer |asic /i.test(text)) return text;
  return text.replace(SIGILS, `$1${REDACTED}`).replace(ASSIGNED, `$1$2${REDACTED}`);
}

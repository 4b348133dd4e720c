/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/** Anywhere in a key: `userPassword`, `x-api-key`, `http.request.header.authorization`. */
const SECRET_PART =
  /passw(or)?d|passphrase|secret|credential|authorization|cookie|(api|private|access|signing)[-_. ]?key/i;
/** Only as a word of its own, because `input_tokens` and `monkey` are no secrets. */
const SECRET_WORD = /(^|[^a-z])(token|pwd|jwt|bearer|csrf|xsrf|otp|ssn|cvv|cvc)([^a-z]|$)/i;

/** Whether a key says that its value is nobody else's business. */
export function isSecretKey(key: string): boolean {
  // The GenAI conventions count tokens; none of their attributes holds a credential.
  if (key.startsWith("gen_ai.")) return false;
  return SECRET_PART.test(key) || SECRET_WORD.test(key.replace(/[a-z](?=[A-Z])/g, "$&_"));
}

/** Cheap test that lets almost every text through without the replacements below. */
const HINT = /[srp]k[-_]|gh[a-z]_|github_pat|xox|AKIA|ASIA|AIza|eyJ|bearer\s|-----BEGIN|@|=/i;
/** Credentials that betray themselves by how they begin. Every repetition is bounded. */
const SIGIL =
  /\b([srp]k[-_]|gh[opusr]_|github_pat_|xox[a-z]-|A[KS]IA|AIza|eyJ)[\w.-]{16,4000}|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,8000}/g;
/** Credentials that stand where one is expected: in an address, a header, a query. */
const PLACED =
  /(?<=\bbearer\s)[\w.~+/-]{8,4000}|(?<=:\/\/[^/\s:@]{0,99}:)[^/\s@]{1,200}(?=@)|(?<=(token|secret|passw(or)?d|pwd|api_?key|sig(nature)?)=)[^&\s#"';,]{1,2000}/gi;

/** Takes credentials out of running text: messages, stacks, addresses. */
export function redactText(text: string): string {
  return HINT.test(text) ? text.replace(SIGIL, REDACTED).replace(PLACED, REDACTED) : text;
}

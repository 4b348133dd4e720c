/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

/** Anywhere in a key; `userPassword`, `x-api-key`, `http.request.header.authorization`. */
const SECRET_PART =
  /passw(?:or)?d|passphrase|secret|credential|authorization|cookie|api[-_. ]?key|(?:private|access|signing|encryption)[-_. ]?key/i;

/** Only as a word of its own, because `input_tokens` and `monkey` are no secrets. */
const SECRET_WORD = /(?:^|[^a-z])(?:token|pwd|jwt|bearer|csrf|xsrf|otp|ssn|cvv|cvc)(?:[^a-z]|$)/i;

/** The GenAI conventions count tokens; none of their attributes holds a credential. */
const NEVER = /^gen_ai\./;

/** Whether a key says that its value is nobody else's business. */
export function isSecretKey(key: string): boolean {
  if (NEVER.test(key)) return false;
  return SECRET_PART.test(key) || SECRET_WORD.test(key.replace(/([a-z\d])([A-Z])/g, "$1_$2"));
}

/** Cheap test that lets almost every string through without the replacements below. */
const HINT = /\b(?:[srp]k[-_]|gh[a-z]_|github_pat|xox|AKIA|ASIA|AIza|eyJ|bearer\s)|-----BEGIN|@|=/i;

/** Credentials that betray themselves by how they begin. Every repetition is bounded. */
const SIGILS =
  /\b(?:[srp]k[-_][\w-]{16,200}|gh[opusr]_\w{20,255}|github_pat_\w{20,255}|xox[abeoprs]-[\w-]{10,255}|(?:AKIA|ASIA)[A-Z\d]{16}|AIza[\w-]{30,64}|eyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?)|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,8000}(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/g;
const BEARER = /\b(bearer\s+)[\w.~+/-]{8,4000}=*/gi;
const USERINFO = /(\w:\/\/)[^/\s:@]{0,200}:[^/\s@]{1,200}@/g;
const ASSIGNED =
  /\b((?:[\w.-]{0,40}[_.-])?(?:token|secret|passw(?:or)?d|pwd|api_?key|signature|sig)=)[^&\s#"';,]{1,2000}/gi;

/** Takes credentials out of running text: messages, stacks, addresses. */
export function redactText(text: string): string {
  if (!HINT.test(text)) return text;
  return text
    .replace(SIGILS, REDACTED)
    .replace(BEARER, `$1${REDACTED}`)
    .replace(USERINFO, `$1${REDACTED}@`)
    .replace(ASSIGNED, `$1${REDACTED}`);
}

/**
 * Who is signed in. A hub without keys asks nobody; with keys, a cookie that scripts cannot read
 * stands for the key that was typed, and the hub says here how long.
 */

import { signal } from "@preact/signals";
import { settleAddress } from "./router.ts";

interface Session {
  readonly needed: boolean;
  readonly signed_in: boolean;
}

const ADDRESS = "/api/v1/session";

/** Whether there is a session that can be ended. */
export const signedIn = signal(false);

async function look(): Promise<Session | null> {
  try {
    const answer = await fetch(ADDRESS);
    return answer.ok ? ((await answer.json()) as Session) : null;
  } catch {
    return null; // The hub does not answer: the feed says so, and nothing is known of the session.
  }
}

export async function startSession(): Promise<void> {
  signedIn.value = (await look())?.signed_in ?? false;
}

const LAST_KEY = "otbridge.signing-in";
/** A hub that refuses a page it has just let in would otherwise have it load for ever. */
const PATIENCE_MS = 10_000;
let leaving = false;

/**
 * Load the page again where the session is over: at its own address the hub then shows the page to
 * sign in, which leads back to it. Answers whether that happens.
 */
export async function signInAgain(): Promise<boolean> {
  if (leaving) return true;
  const session = await look();
  if (session === null || !session.needed || session.signed_in || triedJustNow()) return false;
  leaving = true;
  settleAddress();
  location.reload();
  return true;
}

function triedJustNow(): boolean {
  try {
    const last = Number(sessionStorage.getItem(LAST_KEY));
    sessionStorage.setItem(LAST_KEY, String(Date.now()));
    return Date.now() - last < PATIENCE_MS;
  } catch {
    return true; // Where nothing can be remembered, the error's own words have to do.
  }
}

export async function signOut(): Promise<void> {
  try {
    await fetch(ADDRESS, { method: "DELETE", headers: { "content-type": "application/json" } });
  } catch {
    return; // Still signed in, and still shown as such.
  }
  leaving = true;
  settleAddress();
  location.reload();
}

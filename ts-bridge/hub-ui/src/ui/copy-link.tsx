/** A short link to the screen with all that was chosen on it, for somebody else. */

import { post } from "../api.ts";
import { place } from "../router.ts";
import { copyText, IconButton } from "./controls.tsx";
import { say } from "./toast.tsx";

export function CopyLink() {
  return <IconButton icon="link" label="Copy a link to this screen" onClick={copyLink} />;
}

async function copyLink(): Promise<void> {
  const { path, query } = place.peek();
  let address: string;
  let said = "Link copied";
  try {
    const body = { view: path, arguments: Object.fromEntries(query) };
    address = (await post<{ url: string }>("links", body)).url;
  } catch {
    // Who may only read cannot save one, and a hub may be full: the long address does it, too.
    const text = query.toString();
    address = path + (text && `?${text}`);
    said = "Address copied";
  }
  const copied = await copyText(new URL(address, location.origin).href);
  say(copied ? said : "The browser did not allow copying");
}

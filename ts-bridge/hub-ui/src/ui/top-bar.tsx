/** The line at the top of every screen: where we are, and whether the hub is heard. */

import { second } from "../clock.ts";
import { feedStatus, hubVersion, rates, reconnectNow } from "../live.ts";
import { short } from "../model/attributes.ts";
import { segments } from "../router.ts";
import { signedIn, signOut } from "../session.ts";
import { nextTheme, theme } from "../theme.ts";
import { IconButton } from "./controls.tsx";
import { CopyLink } from "./copy-link.tsx";
import { helpOpen } from "./help-sheet.tsx";
import { Icon, type IconName } from "./icons.tsx";

const SCREENS: readonly { path: string; label: string; icon: IconName }[] = [
  { path: "/", label: "Live", icon: "live" },
  { path: "/traces", label: "Traces", icon: "traces" },
  { path: "/logs", label: "Logs", icon: "logs" },
  { path: "/services", label: "Services", icon: "services" },
  { path: "/metrics", label: "Metrics", icon: "metrics" },
  { path: "/agents", label: "Agents", icon: "agents" },
  { path: "/sessions", label: "Sessions", icon: "sessions" },
];

export function TopBar() {
  const current = `/${segments.value[0] ?? ""}`;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="otbridge, live">
        <Mark />
        otbridge
      </a>
      <nav class="nav" aria-label="Screens">
        {SCREENS.map(({ path, label, icon }) => (
          <a
            key={path}
            class="nav-link"
            href={path}
            aria-current={path === current ? "page" : undefined}
          >
            <Icon name={icon} />
            {label}
          </a>
        ))}
      </nav>
      <FeedState />
      <CopyLink />
      <IconButton
        icon={theme.value === "light" ? "sun" : theme.value === "dark" ? "moon" : "system"}
        label={`Colours: ${theme.value === "system" ? "as the system" : theme.value}. Press to change`}
        onClick={nextTheme}
      />
      {signedIn.value && <IconButton icon="exit" label="Sign out" onClick={signOut} />}
      <IconButton
        icon="help"
        label="Keyboard commands (?)"
        onClick={() => {
          helpOpen.value = true;
        }}
      />
    </header>
  );
}

function Mark() {
  return (
    <svg class="mark" width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M4 24c4-13 20-13 24 0M4 24h24M11 15.500V24M21 15.500V24" />
    </svg>
  );
}

function FeedState() {
  const status = feedStatus.value;
  const rate = rates.perSecond(Date.now());
  second.value; // Renewed with the clock: the rate falls also when nothing arrives.
  if (status !== "open") {
    return (
      <button type="button" class="feed feed-lost" onClick={reconnectNow} title="Connect now">
        <span class="feed-dot" />
        {status === "lost" ? "reconnecting" : "connecting"}
      </button>
    );
  }
  return (
    <span class="feed" title={`Connected to the hub ${hubVersion.value}`}>
      <span class="feed-dot" />
      <span class="feed-rate">
        {rate < 10 ? rate.toFixed(1).replace(".0", "") : short(Math.round(rate))}/s
      </span>
    </span>
  );
}

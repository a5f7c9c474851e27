import type { Finding } from "myna";
import { speechAvailable } from "./speech/sphinx-library.ts";

/** Whether the brain can hear: it needs a recogniser of the system. */
export function checkHearing(): Finding[] {
  const name = "hearing";
  const { available, hint = "" } = speechAvailable();
  if (available) return [{ name, state: "ok", message: "the speech recogniser and its model are installed" }];
  const fix = "sudo apt install pocketsphinx pocketsphinx-en-us";
  return [{ name, state: "warning", message: `without a cloud it can only be typed to: ${hint}`, fix }];
}

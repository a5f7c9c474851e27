import { computed, signal } from "@preact/signals";
import type { Palette } from "./scene.ts";

export type Theme = "dark" | "light";

const KEY = "myna.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = signal<Theme | undefined>(remembered());
const system = signal<Theme>(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => (system.value = dark.matches ? "dark" : "light"));

/** As chosen here, else as the device is set. */
export const theme = computed<Theme>(() => chosen.value ?? system.value);

export function switchTheme(): void {
  chosen.value = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch {
    // A browser that keeps nothing still shows it.
  }
}

theme.subscribe((value) => (document.documentElement.dataset["theme"] = value));

/** The room's colours, as the stylesheet has them. */
export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--room-${name}`).trim();
  return {
    background: colour("background"),
    floor: colour("floor"),
    grid: colour("grid"),
    wall: colour("wall"),
    body: colour("body"),
    accent: colour("accent"),
    path: colour("path"),
    cone: colour("cone"),
    danger: colour("danger"),
    ghost: colour("ghost"),
  };
}

function remembered(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === "dark" || value === "light" ? value : undefined;
  } catch {
    return undefined;
  }
}

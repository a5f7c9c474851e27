import type { AudioFigures } from "./audio-check.ts";
import type { EchoVerdict } from "./echo-verdict.ts";
import type { TomlEdits } from "./toml-edit.ts";

/** The figures as a table, the verdict and what to do, for a person. */
export function echoText(figures: AudioFigures, verdict: EchoVerdict): string {
  const db = (value: number) => `${value.toFixed(1)} dB`;
  const rows: [string, string][] = [
    ["microphone", figures.microphone || "(no name of its own)"],
    ["loudspeaker", figures.loudspeaker || "(no name of its own)"],
    ["noise floor", db(figures.noiseDb)],
    ["sweep as played", db(figures.playedDb)],
    ["sweep as heard", db(figures.heardDb)],
    ["clipped samples", `${(figures.clippedShare * 100).toFixed(2)} %`],
    ["likeness to the sweep", figures.likeness.toFixed(2)],
    ["delay", `${figures.delayMs.toFixed(1)} ms`],
    [
      "not at that delay",
      figures.unsteadyShare === null
        ? "not known: seldom recognised"
        : `${Math.round(figures.unsteadyShare * 100)} % of the time`,
    ],
    ["echo dies away in", `${Math.round(figures.tailMs)} ms`],
    ["echo return loss", db(-figures.echoDb)],
    ["stage for the echo", figures.stage || "(none)"],
    [
      "taken away by the listening chain",
      figures.stage === "" ? "nothing: no stage for it" : db(figures.erleDb),
    ],
    ["left of the robot's voice", db(figures.residualDb)],
    [
      "robot taken for a person",
      figures.falseStarts === null ? "no voice detector" : String(figures.falseStarts),
    ],
    ["the same by a server", String(figures.serverStarts)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const answer = {
    open: "Microphone and loudspeaker share no room (acoustic = false, or simulated): the robot does not hear itself.",
    cancelled:
      "The robot may listen while it speaks, at this volume: prove it at the loudest that you will use, louder is not proven.",
    half_duplex: `The robot must not listen while it speaks: half duplex, ${verdict.tailMs} ms longer than the sound.`,
    push_to_talk:
      "What the robot hears of itself is not known: push-to-talk is the safe choice, until this works.",
  }[verdict.rung];
  return [...table, "", answer, ...verdict.reasons.map((reason) => `- ${reason}`)].join("\n");
}

/** The keys of local.toml that follow; `echoPlugin` is the table of the stage for the echo, where the profile has one. */
export function echoKeys(
  figures: AudioFigures,
  verdict: EchoVerdict,
  echoPlugin: string | undefined,
  date: string,
): TomlEdits {
  if (verdict.rung === "open") return {};
  if (!verdict.proven) {
    const keys =
      verdict.rung === "push_to_talk"
        ? { echo: "push_to_talk" }
        : { echo: "auto", half_duplex_tail_ms: verdict.tailMs };
    return { audio: keys, "audio.proof": null };
  }
  const tenth = (value: number) => Math.round(value * 10) / 10;
  return {
    audio: { echo: "auto", half_duplex_tail_ms: verdict.tailMs },
    "audio.proof": {
      microphone: figures.microphone,
      loudspeaker: figures.loudspeaker,
      stage: figures.stage,
      delay_ms: tenth(figures.delayMs),
      echo_db: tenth(figures.echoDb),
      erle_db: tenth(figures.erleDb),
      date,
    },
    ...(echoPlugin !== undefined && { [`plugins.${echoPlugin}`]: { enabled: true } }),
  };
}

import type { Mind, Recognizer, Voice } from "./contracts.ts";
import { CommandMind } from "./mind/mind.ts";
import { PocketsphinxRecognizer } from "./speech/recognizer-pocketsphinx.ts";
import { speechAvailable } from "./speech/sphinx-library.ts";
import { FliteVoice } from "./speech/voice-flite.ts";

/** Mind, voice and ears of the local brain. */
export interface BrainParts {
  mind: Mind;
  voice: Voice;
  /** Never computes before it returns: what is slow comes a moment later. */
  createRecognizer: () => Promise<Recognizer>;
  hearing: () => { available: boolean; hint?: string };
  /** Loads the models in the background, so that the first turn does not wait for them. */
  warmUp(): void;
}

/** A robot that starts, and a session that opens, have the processor to themselves for so long; nobody has said a word by then. */
const QUIET_MS = 300;

/** `warn` hears what of a session's tools cannot be said or understood. */
export function makeParts(defaultVoice: string, warn: (message: string) => void): BrainParts {
  const voice = new FliteVoice(defaultVoice);
  const hearing = speechAvailable();
  /** Made ahead for the session to come. */
  let spare: Promise<Recognizer> | null = null;
  const make = async (): Promise<Recognizer> => {
    await Bun.sleep(QUIET_MS);
    return new PocketsphinxRecognizer(warn);
  };
  return {
    mind: new CommandMind(warn),
    voice,
    hearing: () => hearing,
    createRecognizer() {
      const taken = spare ?? make();
      spare = null;
      return taken;
    },
    warmUp() {
      if (hearing.available) {
        spare = make();
        spare.catch((reason: unknown) => warn(`The recogniser cannot be loaded: ${String(reason)}`));
      }
      Bun.sleep(QUIET_MS)
        .then(() => voice.warmUp())
        .catch((reason: unknown) => warn(`The voice cannot be loaded: ${String(reason)}`));
    },
  };
}

import { config } from "zod";

// Most schemas of a robot check one value in its life, at the start: a function compiled for each costs more than it saves.
// Holds for schemas made after it, so this is the first import of the program.
config({ jitless: true });

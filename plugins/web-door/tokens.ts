import { randomBytes } from "node:crypto";
import { MynaError } from "myna";
import type { Tokens } from "./access.ts";

/** Short enough to type, too long to guess. */
const LEAST_LETTERS = 16;

/** Where tokens come from. */
export interface TokenSource {
  env: Readonly<Record<string, string | undefined>>;
  /** Names of environment variables. */
  operatorVariable: string;
  viewerVariable: string;
  /** The key by which others than this computer reach the door; undefined where they do not. */
  exposed: "host" | "names" | undefined;
  /** Somebody looks at the terminal, and can be shown a token. */
  terminal: boolean;
  /** One that was made before a reload. */
  made: string;
}

/** The tokens of the environment, or one that is made now. Throws CONFIG_INVALID where the door would stand open. */
export function findTokens(source: TokenSource): Tokens & { made?: string } {
  const { env, operatorVariable, viewerVariable } = source;
  const operator = read(env, operatorVariable);
  const viewer = read(env, viewerVariable);
  const second = viewer !== undefined && { viewer };
  if (operator !== undefined && operator === viewer)
    throw invalid(`${operatorVariable} and ${viewerVariable} are the same: a viewer would be the operator`);
  if (operator !== undefined) return { operator, ...second };
  if (!source.exposed) {
    if (!second) return {};
    throw invalid(`${viewerVariable} is set and ${operatorVariable} is not: everybody would be the operator`);
  }
  if (source.made === "" && !source.terminal) {
    throw invalid(
      `${source.exposed}: others than this computer reach it, so it demands a token: put one of at least ${LEAST_LETTERS} characters ` +
        `into the environment variable ${operatorVariable} (key operator_token_variable), or start at a terminal, where one ` +
        `is made and shown; or set host = "127.0.0.1" without names`,
    );
  }
  const made = source.made || randomBytes(18).toString("base64url");
  return { operator: made, made, ...second };
}

function read(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const token = env[name];
  if (token === undefined || token === "") return undefined;
  if (token.length >= LEAST_LETTERS && /^[\x21-\x7e]+$/.test(token)) return token;
  throw invalid(`the token in ${name} must have at least ${LEAST_LETTERS} characters, and no spaces`);
}

function invalid(message: string): MynaError {
  return new MynaError("CONFIG_INVALID", message);
}

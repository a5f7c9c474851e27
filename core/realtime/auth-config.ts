import { z } from "zod";
import { FAULTS, VARIABLE } from "./settings-formats.ts";

const variable = z.string().regex(VARIABLE, FAULTS.variable).meta({ format: "variable" });

const shape = {
  /**
   * What opens the door. `auto`: the command if there is one, else the token of the environment, else its key;
   * `minted_token`: a short-lived token that the key buys anew for each attempt, so that the key itself never goes to
   * the Realtime socket.
   */
  method: z.enum(["auto", "api_key", "ephemeral_token", "minted_token", "token_command", "none"]),
  /** `bearer`: an Authorization header; `api_key`: an `api-key` header, as Azure has it; `subprotocol`: as browsers do. */
  send_as: z.enum(["bearer", "api_key", "subprotocol"]),
  /** Environment variable that holds the key. */
  key_variable: variable,
  /** Environment variable that holds an ephemeral token. */
  token_variable: variable,
  /** Program and arguments that print a token, run anew for each attempt, without a shell. */
  token_command: z.array(z.string().min(1)),
  token_command_ms: z.number().int().min(1).max(120_000),
  /** Where tokens are minted, if not beside the Realtime URL: `client_secrets`, in the beta dialect `sessions`. */
  token_url: z.url({ protocol: /^https?$/, error: FAULTS.tokenUrl }).meta({ format: "token-url" }),
  /** How long a minted token may be used to start a session. */
  token_life_s: z.number().int().min(10).max(7200),
  /** OpenAI-Organization; "" is OPENAI_ORG_ID of the environment, if set. */
  organization: z.string(),
  /** OpenAI-Project; "" is OPENAI_PROJECT_ID of the environment, if set. */
  project: z.string(),
};

/** The [session.auth] table: how, never with what. Secrets come from the environment or from a command. */
export const authConfig = z.strictObject({
  ...shape,
  method: shape.method.default("auto"),
  send_as: shape.send_as.default("bearer"),
  key_variable: shape.key_variable.default("OPENAI_API_KEY"),
  token_variable: shape.token_variable.default("OPENAI_EPHEMERAL_TOKEN"),
  token_command: shape.token_command.default([]),
  token_command_ms: shape.token_command_ms.default(10_000),
  token_url: shape.token_url.optional(),
  token_life_s: shape.token_life_s.default(600),
  organization: shape.organization.default(""),
  project: shape.project.default(""),
});

/** The [session.auth] table with its defaults. */
export type AuthConfig = z.output<typeof authConfig>;

/** The `auth` table of one endpoint: what it does not say is as by default. */
export const endpointAuth = z.strictObject(shape).partial();

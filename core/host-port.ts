import type { PluginHealth, Undo } from "./plugin.ts";
import type { LogLine } from "./log.ts";
import { withoutSecretFields } from "./log.ts";

/** A plugin as a console shows it. */
export interface PluginSheet extends PluginHealth {
  /** The drivers of its table, first choice first. */
  drivers: readonly string[];
  /** The robot ends with it, so it cannot be switched off. */
  required: boolean;
  /** Services that its present driver offers. */
  provides: readonly string[];
  /** Its settings with the defaults filled in; what is or may be a secret reads "[secret]". */
  config: Record<string, unknown>;
}

/**
 * The robot's plugins and its log, for a console. Privileged: whoever hands these calls on to people must know that they may
 * operate the robot (`WebCaller.role`), since a plugin that is switched off takes its guards and its tools with it.
 */
export interface HostPort {
  plugins(): PluginSheet[];
  /** New code in, as saving a file of the plugin does; rejects with the reason where the old version runs on. */
  reload(id: string): Promise<void>;
  /** Releases all that the plugin holds, until `enable` or a restart. PLUGIN_REQUIRED where the robot would end with it. */
  disable(id: string): Promise<void>;
  /** Starts what `disable` stopped, with the code as it is now; nothing where it runs. */
  enable(id: string): Promise<void>;
  /** Every line of the log from level info on, whatever the profile shows; secrets and spoken words are masked already. */
  onLog(handler: (line: LogLine) => void): Undo;
}

/** Settings for other eyes: JSON values only, secrets masked by key, by value and in URLs. */
export function shownConfig(config: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(withoutSecretFields(config))) as Record<string, unknown>;
}

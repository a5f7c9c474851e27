/** The robot's doctor asks the same detector what a server would hear. */
export { FRAME_SAMPLES as VAD_FRAME, ServerVad as Vad } from "myna";
export type { ServerVadSettings as VadSettings } from "myna";

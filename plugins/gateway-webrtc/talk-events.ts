/** What a talk client tells. */
export interface TalkEvents {
  /** Words of the person or of the robot, all of them so far; the robot's final ones are what was heard of them. */
  transcript: { role: "user" | "assistant"; itemId: string; text: string; final: boolean };
  /** The first sound of an answer is on its way to the page. */
  audioStart: { itemId: string };
  audioEnd: { itemId: string; playedMs: number; interrupted: boolean };
  /** `link` is the Realtime server, `page` the browser. */
  connectionChange: { link: string; page: "new" | "connected" | "closed"; connected: boolean };
  error: { code: string; message: string; fatal: boolean };
  /** A figure of `getPerformanceMetrics()`, as it is measured. */
  measured: { figure: "offer" | "latency" | "first_audio" | "barge_in"; ms: number };
  /** A summary is in the conversation, and the model was asked to speak. */
  safeSummary: { text: string; callId?: string };
  /** The model wants something done that only this program can do; answer by `sendSafeSummary`. */
  action: { callId: string; name: string; arguments: unknown };
}

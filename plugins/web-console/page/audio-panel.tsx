import { ageMs, values } from "./live.ts";
import { bufferHistory, levelHistory } from "./history.ts";
import { Plot } from "./plot.tsx";

const RUNGS: Readonly<Record<string, string>> = {
  full_duplex: "hears while it speaks",
  half_duplex: "deaf while it speaks",
  push_to_talk: "hears by talk key",
};
const MIC_SILENT_MS = 1000;

/** Levels, jitter buffer, faults of the audio path. */
export function AudioPanel() {
  const audio = values.audio.value;
  const levels = values.levels.value;
  const age = ageMs(values.pulse.value?.microphone);
  const microphone =
    audio?.microphone !== true ? "none" : age === undefined || age > MIC_SILENT_MS ? "silent" : "works";
  return (
    <div class="audio-panel">
      <div class="gauges">
        <div class="meters">
          <Level name="Microphone" db={levels?.microphone_db} state={microphone} />
          <Level
            name="Loudspeaker"
            db={levels?.loudspeaker_db}
            state={audio?.loudspeaker ? "works" : "none"}
          />
        </div>
        <dl class="numbers">
          <Number name="Jitter buffer" value={audio && `${audio.target_ms} ms`} note="target" />
          <Number name="Waiting" value={audio && `${audio.queued_ms} ms`} note="in the buffer" />
          <Number
            name="Underruns"
            value={audio?.underruns}
            note={audio ? `${audio.concealed_ms} ms concealed` : ""}
            bad={(audio?.underruns ?? 0) > 0}
          />
          <Number
            name="Device faults"
            value={audio?.device_xruns}
            note={audio ? `${audio.overruns} ms overrun` : ""}
            bad={(audio?.device_xruns ?? 0) > 0}
          />
          <Number
            name="Echo return loss"
            value={echoText(audio?.echo)}
            note={audio?.echo ? `by ${audio.echo.stage}` : "no echo stage"}
          />
          <Number
            name="Ears"
            value={audio && (RUNGS[audio.echo_rung] ?? audio.echo_rung.replaceAll("_", " "))}
            note="while the robot speaks"
            small
          />
        </dl>
      </div>
      <Plot
        title="Levels"
        unit="dB"
        range={[-90, 0]}
        lines={[
          { label: "microphone", colour: "--series-1", fill: true },
          { label: "loudspeaker", colour: "--series-2" },
        ]}
        read={() => levelHistory.columns()}
      />
      <Plot
        title="Jitter buffer"
        unit="ms"
        lines={[
          { label: "target", colour: "--series-1" },
          { label: "waiting", colour: "--series-2", fill: true },
        ]}
        read={() => bufferHistory.columns()}
      />
    </div>
  );
}

function echoText(echo: { erle_db: number | null; coupling_db: number | null } | null | undefined): string {
  if (!echo) return "–";
  return echo.erle_db !== null ? `${echo.erle_db} dB` : `${echo.coupling_db} dB coupling`;
}

function Level({ name, db = -90, state }: { name: string; db: number | undefined; state: string }) {
  return (
    <div class="level">
      <span>{name}</span>
      <meter min={-90} max={0} low={-60} high={-6} optimum={-20} value={db} aria-label={`${name} level`} />
      <output>{state === "works" ? `${db} dB` : state}</output>
    </div>
  );
}

function Number(props: {
  name: string;
  value: string | number | undefined;
  note: string;
  bad?: boolean;
  small?: boolean;
}) {
  return (
    <div class={`number ${props.bad ? "bad" : ""}`}>
      <dt>{props.name}</dt>
      <dd class={props.small ? "small" : ""}>{props.value ?? "–"}</dd>
      <dd class="note">{props.note}</dd>
    </div>
  );
}

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "./theme.ts";

export interface PlotLine {
  label: string;
  /** Custom property of the stylesheet that holds its colour. */
  colour: string;
  fill?: boolean;
}

/** A column of times in seconds, then one of values for each line. */
export type Columns = [number[], ...(number | null)[][]];

const HEIGHT = 92;

/** A time series of the last while. `read` is asked ten times a second at most while the plot can be seen. */
export function Plot(props: {
  title: string;
  lines: readonly PlotLine[];
  range?: [number, number];
  unit: string;
  read: () => Columns;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const target = place.current;
    if (!target) return;
    let plot: uPlot | undefined;
    const open = () => {
      plot?.destroy();
      plot = new uPlot(options(props, target), props.read() as uPlot.AlignedData, target);
    };
    const undo = effect(() => {
      void theme.value;
      open();
    });
    const timer = setInterval(() => {
      if (target.clientWidth > 0 && document.visibilityState === "visible")
        plot?.setData(props.read() as uPlot.AlignedData);
    }, 100);
    const sizes = new ResizeObserver(() => {
      if (target.clientWidth > 0) plot?.setSize({ width: target.clientWidth, height: HEIGHT });
    });
    sizes.observe(target);
    return () => {
      undo();
      clearInterval(timer);
      sizes.disconnect();
      plot?.destroy();
    };
  }, []);
  return (
    <figure class="plot">
      <figcaption>
        {props.title}
        {props.lines.map(({ label, colour }) => (
          <span key={label} class="key">
            <i style={{ background: `var(${colour})` }} aria-hidden="true" />
            {label}
          </span>
        ))}
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={`${props.title}: ${props.lines.map(({ label }) => label).join(", ")}`}
      />
    </figure>
  );
}

function options(
  { lines, range, unit }: { lines: readonly PlotLine[]; range?: [number, number]; unit: string },
  target: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(target);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const font = "11px system-ui, sans-serif";
  return {
    width: Math.max(target.clientWidth, 100),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false },
      ...(range
        ? { y: { range } }
        : { y: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(10, (max ?? 0) * 1.1)] } }),
    },
    axes: [
      {
        ...axis,
        font,
        size: 22,
        values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "now" : `${tick} s`)),
      },
      { ...axis, font, size: 58, values: (_, ticks) => ticks.map((tick) => `${tick} ${unit}`) },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name, fill }) => ({
        label,
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
        ...(fill && { fill: `${colour(name)}22`, fillTo: range?.[0] ?? 0 }),
      })),
    ],
  };
}

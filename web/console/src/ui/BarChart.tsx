import { useEffect, useRef } from "react";
import { formatCount } from "./format";
import { colours, fonts } from "./theme";

export interface Bar {
  key: string;
  label: string;
  count: number;
}

interface Props {
  bars: Bar[];
  /** What the chart shows, for those who do not see it. */
  label: string;
  onOpen?: (key: string) => void;
}

const rowHeight = 28;

/** Horizontal bars, the first at the top. The space is taken at once; echarts itself comes later. */
export function BarChart({ bars, label, onOpen }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const open = useRef(onOpen);
  open.current = onOpen;

  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined;
    let stop = () => {};
    let gone = false;
    void import("./charts").then(({ init }) => {
      if (gone) return;
      const chart = init(element);
      const shown = [...bars].reverse();
      chart.setOption({
        animationDuration: 240,
        aria: { enabled: true, label: { description: label } },
        textStyle: { fontFamily: fonts, color: colours.ink },
        grid: { left: 4, right: 64, top: 0, bottom: 0, containLabel: true },
        tooltip: { trigger: "item", formatter: "{b}<br/>{c}", valueFormatter: (value: unknown) => formatCount(Number(value)) },
        xAxis: { type: "value", show: false },
        yAxis: {
          type: "category",
          data: shown.map((bar) => bar.label),
          axisLine: { show: false },
          axisTick: { show: false },
          axisLabel: { color: colours.ink, fontSize: 13, width: 150, overflow: "truncate" },
        },
        series: [
          {
            type: "bar",
            data: shown.map((bar) => bar.count),
            barWidth: 14,
            itemStyle: { color: colours.accent, borderRadius: 2 },
            emphasis: { itemStyle: { color: "#0d4a43" } },
            cursor: open.current ? "pointer" : "default",
            label: {
              show: true,
              position: "right",
              color: colours.quiet,
              fontSize: 12,
              formatter: (item: { value: unknown }) => formatCount(Number(item.value)),
            },
          },
        ],
      });
      chart.on("click", (event) => {
        const bar = shown[event.dataIndex ?? -1];
        if (bar) open.current?.(bar.key);
      });
      const watch = new ResizeObserver(() => chart.resize());
      watch.observe(element);
      stop = () => {
        watch.disconnect();
        chart.dispose();
      };
    });
    return () => {
      gone = true;
      stop();
    };
  }, [bars, label]);

  return <div ref={holder} role="img" aria-label={label} style={{ height: bars.length * rowHeight }} />;
}

import { useTranslation } from "react-i18next";
import { formatCount } from "../../ui/format";

const height = 96;
const step = 10;

interface Props {
  /** Events of each second, the earliest first. */
  recent: number[];
  /** Refused requests of the same seconds. */
  refusals: number[];
}

/** The events of the last minute, a bar for each second. Seconds in which requests were refused are marked below. */
export function EventsChart({ recent, refusals }: Props) {
  const { t } = useTranslation();
  const most = Math.max(...recent, 1);
  const all = recent.reduce((sum, count) => sum + count, 0);
  return (
    <figure className="events-chart">
      <svg
        viewBox={`0 0 ${recent.length * step} ${height + 6}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("runs.chartLabel", { all, most: all === 0 ? 0 : most })}
      >
        <line x1={0} x2={recent.length * step} y1={height - 0.5} y2={height - 0.5} className="events-axis" />
        {recent.map((count, i) => {
          const tall = count === 0 ? 0 : Math.max(2, (count / most) * (height - 4));
          return <rect key={i} x={i * step + 1} y={height - tall} width={step - 2} height={tall} className="events-bar" />;
        })}
        {refusals.map((count, i) => count > 0 && <rect key={i} x={i * step + 1} y={height + 2} width={step - 2} height={4} className="events-refused" />)}
      </svg>
      <figcaption className="quiet small">
        <span>{t("runs.minuteAgo")}</span>
        <span>{all === 0 ? t("runs.quietMinute") : t("runs.most", { most: formatCount(most) })}</span>
        <span>{t("common.now")}</span>
      </figcaption>
    </figure>
  );
}

import { Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { joined, useTimeline } from "../../api/queries";
import type { Property, TimelineEvent } from "../../api/types";
import { formatClock, formatDay, formatSecond } from "../../ui/format";
import { More } from "../../ui/More";
import { Panel } from "../../ui/Page";
import { Loaded, Notice } from "../../ui/states";
import { useValueText } from "../../ui/ValueText";

/** What the customer did, the latest first, by day. */
export function Timeline({ id }: { id: string }) {
  const { t } = useTranslation();
  const [names, setNames] = useState<string[]>([]);
  const query = useTimeline(id, names);
  const events = joined(query.data);
  const known = useNames(events);
  return (
    <Panel
      title={t("customer.timeline")}
      extra={
        <Select
          mode="tags"
          allowClear
          maxTagCount="responsive"
          placeholder={t("customer.filterEvents")}
          aria-label={t("customer.filterEvents")}
          title={t("customer.shownTo")}
          value={names}
          onChange={setNames}
          options={known.map((name) => ({ value: name, label: name }))}
          style={{ width: 260 }}
        />
      }
    >
      <Loaded query={query} height={320}>
        {() =>
          events.length === 0 ? (
            <Notice title={names.length > 0 ? t("customer.noEventsFilter") : t("customer.noEvents")} height={200} />
          ) : (
            <>
              <div className={query.isPlaceholderData ? "timeline out-of-date" : "timeline"}>
                {byDay(events).map(([day, of]) => (
                  <section key={day}>
                    <h3 className="number">{day}</h3>
                    <ol>
                      {of.map((event, index) => (
                        <li key={index}>
                          <time className="number" dateTime={event.at} title={formatSecond(event.at)}>
                            {formatClock(event.at)}
                          </time>
                          <div>
                            <b className="event-name">{event.name}</b>
                            {event.source && <span className="faint"> {t("customer.from", { source: event.source })}</span>}
                            <Properties properties={event.properties} />
                          </div>
                        </li>
                      ))}
                    </ol>
                  </section>
                ))}
              </div>
              <More shown={events.length} query={query} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

export function Properties({ properties }: { properties: Property[] }) {
  const valueText = useValueText();
  if (properties.length === 0) return null;
  return (
    <div className="properties">
      {properties.map((property) => (
        <span key={property.name}>
          <span className="quiet">{property.name}</span> {valueText(property.value)}
        </span>
      ))}
    </div>
  );
}

function byDay(events: TimelineEvent[]): [string, TimelineEvent[]][] {
  const days = new Map<string, TimelineEvent[]>();
  for (const event of events) {
    const day = formatDay(event.at);
    const of = days.get(day);
    if (of) of.push(event);
    else days.set(day, [event]);
  }
  return [...days];
}

/** The names met so far: choosing one must not take the others off the list. */
function useNames(events: TimelineEvent[]): string[] {
  const [names, setNames] = useState<string[]>([]);
  const met = [...new Set([...names, ...events.map((event) => event.name)])];
  if (met.length > names.length) setNames(met);
  return met.sort();
}

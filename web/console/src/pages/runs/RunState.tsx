import { Tag as Chip } from "antd";
import { useTranslation } from "react-i18next";
import type { Run } from "../../api/types";
import { formatDuration } from "../../ui/format";

const colours = { done: "success", running: "processing", failed: "error", cancelled: "default" };

/** What became of a run. */
export function RunState({ run }: { run: Run }) {
  const { t } = useTranslation();
  return (
    <Chip color={colours[run.state]} variant="filled">
      {t(`runState.${run.state}`)}
    </Chip>
  );
}

export function useDuration(): (ms: number) => string {
  const { t } = useTranslation();
  return (ms) => formatDuration(ms, { ms: t("common.ms"), s: t("common.s"), min: t("common.min") });
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { answer, api } from "../../api/client";
import { useShowProblem } from "../../ui/problems";

/** Starts a run of all tags. */
export function RunButton({ running, disabled }: { running: boolean; disabled?: boolean }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const client = useQueryClient();
  const showProblem = useShowProblem();
  const start = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/runs", { body: {} })),
    onSuccess: () => {
      void message.success(t("overview.runStarted"));
      void client.invalidateQueries({ queryKey: ["overview"] });
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
    onError: showProblem,
  });
  return (
    <Button loading={start.isPending || running} disabled={disabled} onClick={() => start.mutate()}>
      {running ? t("overview.running") : t("overview.runNow")}
    </Button>
  );
}

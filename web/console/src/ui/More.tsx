import { Button } from "antd";
import { useTranslation } from "react-i18next";

interface MoreProps {
  shown: number;
  total?: number;
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** Below a list: how much of it is shown, and the way to the rest. */
export function More({ shown, total, query }: MoreProps) {
  const { t } = useTranslation();
  return (
    <div className="more">
      <span className="quiet">{total === undefined ? t("common.shownOnly", { shown }) : t("common.shown", { shown, total })}</span>
      {query.hasNextPage && (
        <Button size="small" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("common.more")}
        </Button>
      )}
    </div>
  );
}

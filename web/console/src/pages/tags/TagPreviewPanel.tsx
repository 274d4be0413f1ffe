import { Alert, Button } from "antd";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { TagPreview } from "../../api/types";
import { formatCount, formatShare } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { useProblemText } from "../../ui/problems";
import { Notice, Waiting } from "../../ui/states";
import { RefList } from "./TagRefs";

interface Props {
  preview: { data?: TagPreview; error: unknown; isPending: boolean };
  /** Whether the preview is of the rule as it stands. */
  current: boolean;
  manual: boolean;
  onPreview: () => void;
}

/** Whom saving would change. */
export function TagPreviewPanel({ preview, current, manual, onPreview }: Props) {
  const { t } = useTranslation();
  const text = useProblemText();
  return (
    <div className="preview">
      <Panel
        title={t("editTag.preview")}
        extra={
          !manual && (
            <Button size="small" loading={preview.isPending} onClick={onPreview}>
              {t("editTag.preview")}
            </Button>
          )
        }
      >
        {manual ? (
          <p className="quiet">{t("tag.manualRule")}</p>
        ) : preview.isPending ? (
          <Waiting height={220} />
        ) : preview.error ? (
          <Alert type="error" showIcon title={text(preview.error)} />
        ) : preview.data ? (
          <div className={current ? undefined : "out-of-date"}>
            {!current && <p className="warn">{t("editTag.previewOld")}</p>}
            <Content preview={preview.data} />
          </div>
        ) : (
          <Notice title={t("editTag.previewHint")} height={160} />
        )}
      </Panel>
    </div>
  );
}

function Content({ preview }: { preview: TagPreview }) {
  const { t } = useTranslation();
  return (
    <>
      <div className="preview-figures">
        <div>
          <span className="quiet">{t("editTag.held")}</span>
          <b className="number">{formatCount(preview.held)}</b>
        </div>
        <div>
          <span className="quiet">{t("editTag.entered")}</span>
          <b className="number good">+{formatCount(preview.entered)}</b>
        </div>
        <div>
          <span className="quiet">{t("editTag.left")}</span>
          <b className="number bad">−{formatCount(preview.left)}</b>
        </div>
      </div>
      {preview.entered === 0 && preview.left === 0 && <p className="quiet">{t("editTag.nobodyChanges")}</p>}
      {preview.by_value.length > 0 && (
        <table className="plain-table">
          <thead>
            <tr>
              <th>{t("tag.value")}</th>
              <th className="right">{t("editTag.before")}</th>
              <th className="right">{t("editTag.after")}</th>
            </tr>
          </thead>
          <tbody>
            {preview.by_value.map((row) => (
              <tr key={row.value}>
                <td>{row.value}</td>
                <td className="right number quiet">{formatCount(row.before)}</td>
                <td className="right number">{formatCount(row.held)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Sample title={t("editTag.enterSample")} ids={preview.enter} />
      <Sample title={t("editTag.leaveSample")} ids={preview.leave} />
      {preview.warnings.map((warning) => (
        <p key={`${warning.location} ${warning.message}`} className="warn">
          {warning.message}
        </p>
      ))}
      {preview.same.length > 0 && (
        <Alert
          type="warning"
          className="gap-above"
          title={t("editTag.same")}
          description={
            <>
              <p>{t("editTag.sameHint")}</p>
              <RefList refs={preview.same} />
            </>
          }
        />
      )}
      {preview.similar.length > 0 && (
        <>
          <h3>{t("editTag.similar")}</h3>
          <ul className="refs">
            {preview.similar.map((ref) => (
              <li key={`${ref.kind}:${ref.key}:${ref.value ?? ""}:${ref.of ?? ""}`}>
                <Link to={`/${ref.kind}s/${encodeURIComponent(ref.key)}`} target="_blank">
                  {ref.name ?? ref.key}
                </Link>
                {ref.value && <span className="value-chip">{ref.value}</span>}
                <span className="quiet number">{t("editTag.jaccard", { share: formatShare(ref.jaccard, 1) })}</span>
              </li>
            ))}
            {preview.similar_more !== undefined && <li className="quiet">{t("editTag.similarMore", { count: preview.similar_more })}</li>}
          </ul>
        </>
      )}
      {preview.users.length > 0 && (
        <>
          <h3>{t("editTag.users")}</h3>
          <RefList refs={preview.users} />
        </>
      )}
    </>
  );
}

function Sample({ title, ids }: { title: string; ids: string[] }) {
  if (ids.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <p className="sample">
        {ids.slice(0, 12).map((id) => (
          <Link key={id} to={`/customers/${encodeURIComponent(id)}`} target="_blank" className="mono">
            {id}
          </Link>
        ))}
      </p>
    </>
  );
}

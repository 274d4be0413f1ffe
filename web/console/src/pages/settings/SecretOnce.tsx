import { CopyOutlined } from "@ant-design/icons";
import { Alert, App, Button } from "antd";
import { useTranslation } from "react-i18next";

/** A secret that is shown this once. */
export function SecretOnce({ secret, hint, onClose }: { secret: string; hint: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const copy = async () => {
    await navigator.clipboard.writeText(secret);
    void message.success(t("common.copied"));
  };
  return (
    <Alert
      type="success"
      className="secret"
      title={hint}
      closable={{ onClose, "aria-label": t("common.close") }}
      description={
        <div className="inline">
          <code className="secret-text">{secret}</code>
          {/* Browsers lend the clipboard only to pages that came over TLS or from this machine. */}
          {globalThis.isSecureContext && (
            <Button size="small" icon={<CopyOutlined />} onClick={() => void copy()}>
              {t("common.copy")}
            </Button>
          )}
        </div>
      }
    />
  );
}

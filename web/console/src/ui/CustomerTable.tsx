import { Table } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Member } from "../api/types";
import { rowKeys } from "./rowKeys";
import { ValueText } from "./ValueText";

interface Props {
  members: readonly Member[];
  /** Their values beside them. */
  values?: boolean;
  /** The columns' names above them. */
  header?: boolean;
  loading?: boolean;
}

/** A list of customers: each opens its page, by click and Enter. */
export function CustomerTable({ members, values = false, header = false, loading = false }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const page = (id: string) => `/customers/${encodeURIComponent(id)}`;
  return (
    <Table
      size="small"
      rowKey="customer"
      pagination={false}
      showHeader={header}
      dataSource={members}
      loading={loading}
      onRow={(member) => rowKeys(() => void navigate(page(member.id)))}
      columns={[
        {
          title: t("tag.customer"),
          dataIndex: "id",
          render: (id: string) => (
            <Link to={page(id)} tabIndex={-1} className="mono">
              {id}
            </Link>
          ),
        },
        {
          title: t("tag.value"),
          key: "value",
          hidden: !values,
          align: header ? "left" : "right",
          render: (_, member) => member.value && <ValueText value={member.value} />,
        },
      ]}
    />
  );
}

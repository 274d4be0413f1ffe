import { QueryClientProvider } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { createBrowserRouter, RouterProvider } from "react-router";
import { createQueryClient } from "./api/queries";
import { Gate } from "./pages/session/Gate";
import { routes } from "./routes";
import { theme } from "./ui/theme";

export function App() {
  const { i18n } = useTranslation();
  const [client] = useState(createQueryClient);
  const [router] = useState(() => createBrowserRouter(routes));
  const chinese = i18n.language !== "en";
  dayjs.locale(chinese ? "zh-cn" : "en");
  return (
    <ConfigProvider theme={theme} locale={chinese ? zhCN : enUS} button={{ autoInsertSpace: false }}>
      <AntApp message={{ maxCount: 3 }}>
        <QueryClientProvider client={client}>
          <Gate>
            <RouterProvider router={router} />
          </Gate>
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

import type { ComponentType } from "react";
import { Navigate, type RouteObject } from "react-router";
import { Crashed, NotFound } from "./ui/Crashed";
import { Frame } from "./ui/Frame";

// Every page is a chunk of its own, loaded when it is first opened.
const page =
  <Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name): RouteObject["lazy"] =>
  async () => ({ Component: (await load())[name] });

const tags = () => import("./pages/tags");
const segments = () => import("./pages/segments");
const customers = () => import("./pages/customers");
const settings = () => import("./pages/settings");

export const routes: RouteObject[] = [
  {
    path: "/",
    Component: Frame,
    ErrorBoundary: Crashed,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Crashed,
        children: [
          { index: true, lazy: page(() => import("./pages/overview/OverviewPage"), "OverviewPage") },
          { path: "tags", lazy: page(tags, "TagsPage") },
          { path: "tags/new", lazy: page(tags, "TagCreatePage") },
          { path: "tags/:key", lazy: page(tags, "TagPage") },
          { path: "tags/:key/edit", lazy: page(tags, "TagEditPage") },
          { path: "segments", lazy: page(segments, "SegmentsPage") },
          { path: "segments/:key", lazy: page(segments, "SegmentPage") },
          { path: "customers", lazy: page(customers, "CustomersPage") },
          { path: "customers/:id", lazy: page(customers, "CustomerPage") },
          { path: "runs", lazy: page(() => import("./pages/runs"), "RunsPage") },
          { path: "query", lazy: page(() => import("./pages/query/QueryPage"), "QueryPage") },
          {
            path: "settings",
            lazy: page(settings, "SettingsPage"),
            children: [
              { index: true, lazy: page(settings, "FirstSetting") },
              { path: "users", lazy: page(settings, "UsersPanel") },
              { path: "tokens", lazy: page(settings, "TokensPanel") },
              { path: "sources", lazy: page(settings, "SourcesPanel") },
              { path: "audit", lazy: page(settings, "AuditPanel") },
            ],
          },
          { path: "overview", element: <Navigate to="/" replace /> },
          { path: "*", Component: NotFound },
        ],
      },
    ],
  },
];

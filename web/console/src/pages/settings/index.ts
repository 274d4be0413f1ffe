export { AuditPanel } from "./AuditPanel";
export { FirstSetting, SettingsPage } from "./SettingsPage";
export { SourcesPanel } from "./SourcesPanel";
export { TokensPanel } from "./TokensPanel";
export { UsersPanel } from "./UsersPanel";

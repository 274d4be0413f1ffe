import type { ThemeConfig } from "antd";

// The colours of the console. console.css has the same ones as variables; a test compares them.
export const colours = {
  accent: "#14665c",
  accentSoft: "#e4f0ed",
  ink: "#1b2528",
  quiet: "#5c696d",
  line: "#dfe5e5",
  ground: "#f3f5f5",
  surface: "#ffffff",
  yes: "#1b7f4b",
  no: "#a8483b",
  warn: "#9a6a08",
};

export const fonts =
  '-apple-system, BlinkMacSystemFont, "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei", sans-serif';
export const monospace =
  'ui-monospace, SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", monospace';

export const theme: ThemeConfig = {
  token: {
    colorPrimary: colours.accent,
    colorInfo: colours.accent,
    colorSuccess: colours.yes,
    colorError: colours.no,
    colorWarning: colours.warn,
    colorLink: colours.accent,
    // The soft grounds that would be derived from these colours are muddy.
    colorSuccessBg: "#e6f3ea",
    colorSuccessBorder: "#b5d9c2",
    colorErrorBg: "#faece9",
    colorErrorBorder: "#e6c0b8",
    colorWarningBg: "#fbf2df",
    colorWarningBorder: "#e5cc94",
    colorInfoBg: "#e8f2f0",
    colorInfoBorder: "#b9d5cf",
    colorPrimaryBg: colours.accentSoft,
    colorPrimaryBgHover: "#d5e8e3",
    controlItemBgActive: colours.accentSoft,
    controlItemBgActiveHover: "#d5e8e3",
    controlItemBgHover: colours.ground,
    colorTextBase: colours.ink,
    colorBorder: "#cbd4d4",
    colorBorderSecondary: colours.line,
    colorBgLayout: colours.ground,
    borderRadius: 5,
    fontSize: 14,
    fontFamily: fonts,
    fontFamilyCode: monospace,
    boxShadowSecondary: "0 6px 24px rgb(20 40 44 / 14%)",
    // Whoever asks for less motion gets none: animations that console.css only shortens end before antd looks, and its
    // menus then stay outside of the window.
    motion: !globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches,
    motionDurationMid: "0.12s",
    motionDurationSlow: "0.16s",
  },
  components: {
    Table: { headerBg: "transparent", headerColor: colours.quiet, headerSplitColor: "transparent", cellPaddingBlock: 9 },
    Tabs: { horizontalItemPadding: "8px 0 10px" },
    Button: { primaryShadow: "none", defaultShadow: "none" },
    Descriptions: { itemPaddingBottom: 8 },
  },
};

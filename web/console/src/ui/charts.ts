import { BarChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

// The parts of echarts that the console draws with; loaded when the first chart is shown.
use([BarChart, GridComponent, TooltipComponent, AriaComponent, CanvasRenderer]);

export { init };

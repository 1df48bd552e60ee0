import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatePanel } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

/** Any panel of these dashboards, before it has an id. */
export type AnyPanel = StatPanel | StatePanel | TablePanel | TimeSeriesPanel;

/** One query of a panel. */
export interface Query {
  readonly expr: string;
  /** Name of its series, with `{{label}}`. */
  readonly legend: string;
}

/** What every panel says. */
export interface About {
  readonly title: string;
  readonly description: string;
  /** Grafana's name of the unit. @default - a number */
  readonly unit?: string;
}

/** A dashboard's panels, below the titles of their rows. */
export type Rows = Readonly<Record<string, readonly AnyPanel[]>>;

/** The Prometheus that the reader of the dashboard chooses. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in
const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** A number for each series, the newest one. @param steps from which value on which colour; the first has no value */
export function stat(about: About, query: Query, steps: readonly Threshold[] = []): StatPanel {
  const panel = new StatPanel()
    .title(about.title)
    .description(about.description)
    .datasource(DATASOURCE)
    .withTarget(instant(query))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .graphMode(BigValueGraphMode.None)
    .colorMode(steps.length === 0 ? BigValueColorMode.None : BigValueColorMode.Background)
    .height(4)
    .span(6);
  if (about.unit !== undefined) panel.unit(about.unit);
  if (steps.length > 0)
    panel.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]));
  return panel;
}

/** A stat that shows the names of its series instead of their values. */
export function names(about: About, query: Query): StatPanel {
  return stat(about, query).textMode(BigValueTextMode.Name);
}

/** Lines over time. */
export function lines(about: About, ...queries: readonly Query[]): TimeSeriesPanel {
  const panel = new TimeSeriesPanel()
    .title(about.title)
    .description(about.description)
    .datasource(DATASOURCE)
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .showPoints(VisibilityMode.Never)
    .min(0)
    .height(8)
    .span(12);
  queries.forEach((it, index) => {
    panel.withTarget(range(it).refId(refId(index)));
  });
  return about.unit === undefined ? panel : panel.unit(about.unit);
}

/** Lines that hold their value until the next one. */
export function steps(about: About, ...queries: readonly Query[]): TimeSeriesPanel {
  return lines(about, ...queries)
    .lineInterpolation(LineInterpolation.StepAfter)
    .fillOpacity(10);
}

/** Stacked bars over time. */
export function bars(about: About, ...queries: readonly Query[]): TimeSeriesPanel {
  return lines(about, ...queries)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** One row for each series, coloured while it is there. */
export function states(about: About, query: Query): StatePanel {
  return new StatePanel()
    .title(about.title)
    .description(about.description)
    .datasource(DATASOURCE)
    .withTarget(range(query))
    .legend(legend())
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .height(8)
    .span(12);
}

/** One row for each release, with a column for each query. @param columns name of the column by query */
export function table(about: About, columns: Readonly<Record<string, Query>>): TablePanel {
  const panel = new TablePanel()
    .title(about.title)
    .description(about.description)
    .datasource(DATASOURCE)
    .height(8)
    .span(24);
  const all = Object.entries(columns);
  all.forEach(([, it], index) => {
    panel.withTarget(instant(it).format(PromQueryFormat.Table).refId(refId(index)));
  });
  const renamed = all.map(([name], index) => [`Value #${refId(index)}`, name]);
  const hidden = [
    'Time',
    '__name__',
    'instance',
    'job',
    'namespace',
    'pod',
    'container',
    'endpoint',
  ];
  return panel.withTransformation({ id: 'merge', options: {} }).withTransformation({
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(hidden.map((it) => [it, true])),
      renameByName: Object.fromEntries(renamed),
    },
  });
}

/** What the reader of a dashboard chooses. */
export interface Variable {
  readonly name: string;
  /** Where its values come from, in Grafana's words. */
  readonly query: string;
  /** What of each is the value. @default - all of it */
  readonly regex?: string;
  /** Whether several may be chosen, and all. @default false */
  readonly isMulti?: boolean;
}

/** Any number of a label's values. */
export function anyOf(label: string, metric: string): Variable {
  return { name: label, query: `label_values(${metric}, ${label})`, isMulti: true };
}

/** A whole dashboard: a variable for the data source, and those of its own. */
export function dashboard(
  uid: string,
  about: About,
  variables: readonly Variable[],
  rows: Rows,
): DashboardBuilder {
  const builder = new DashboardBuilder(about.title)
    .uid(uid)
    .description(about.description)
    .tags(['perch', 'generated'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .timezone('browser')
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    );
  for (const it of variables) builder.withVariable(variable(it));
  let id = 0;
  for (const [title, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) builder.withPanel(panel.id(++id));
  }
  return builder;
}

function variable({ name, query, regex, isMulti = false }: Variable): QueryVariableBuilder {
  const builder = new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
  if (regex !== undefined) builder.regex(regex);
  if (!isMulti) return builder;
  return (
    builder
      .multi(true)
      .includeAll(true)
      // Also what has no such label, as after a push to a gateway.
      .allValue('.*')
      .current({ selected: true, text: 'All', value: '$__all' })
  );
}

function legend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);
}

function range({ expr, legend: name }: Query): DataqueryBuilder {
  return target(expr, name).range();
}

function instant({ expr, legend: name }: Query): DataqueryBuilder {
  return target(expr, name).instant();
}

function target(expr: string, name: string): DataqueryBuilder {
  return new DataqueryBuilder()
    .expr(expr)
    .legendFormat(name)
    .datasource(DATASOURCE)
    .refId(refId(0));
}

function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

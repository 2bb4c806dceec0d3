// What a dashboard's file may say: Grafana's published types, with enums as the words that JSON has for them.
//
// Grafana publishes a panel's options and fields of each kind, but leaves them open where it nests them in a dashboard; here each kind has
// its own. The queries' type is not published: it is as the Prometheus data source reads them.

import type { AnnotationQuery, Dashboard, DataQuery, FieldConfig, MatcherConfig, Panel, RowPanel } from '@grafana/schema';
import type * as Heatmap from '@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen.d.ts';
import type * as Stat from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts';
import type * as Table from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts';
import type * as TimeSeries from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts';

type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer U>
      ? Array<Plain<U>>
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

interface Query extends DataQuery {
  editorMode: 'code' | 'builder';
  expr: string;
  instant: boolean;
  interval?: string;
  range: boolean;
}

interface PanelQuery extends Query {
  format: 'time_series' | 'table' | 'heatmap';
  legendFormat: string;
}

interface Link {
  targetBlank?: boolean;
  title: string;
  url: string;
}

type Defaults<Custom> = Omit<FieldConfig, 'custom' | 'links'> & { custom?: Custom; links?: Link[] };

// An override's `id` is the path of what it overrides.
type Property<Fields, Prefix extends string = ''> = {
  [Key in keyof Fields & string]-?: { id: `${Prefix}${Key}`; value: NonNullable<Fields[Key]> };
}[keyof Fields & string];

interface Fields<Custom> {
  defaults: Defaults<Custom>;
  overrides: Array<{
    matcher: MatcherConfig<string>;
    properties: Array<Property<Omit<Defaults<Custom>, 'custom'>> | Property<Custom, 'custom.'>>;
  }>;
}

type Of<Kind extends string, Options, Custom> = Omit<Panel, 'fieldConfig' | 'options' | 'targets' | 'type'> & {
  fieldConfig: Fields<Custom>;
  options: Options;
  targets: PanelQuery[];
  type: Kind;
};

type AnyPanel =
  | Of<'heatmap', Heatmap.Options, Heatmap.FieldConfig>
  | Of<'stat', Stat.Options, never>
  | Of<'table', Table.Options, Table.FieldConfig>
  | Of<'timeseries', TimeSeries.Options, TimeSeries.FieldConfig>
  | (Omit<RowPanel, 'panels'> & { panels: [] });

// The three templates are the Prometheus data source's.
type Annotation = AnnotationQuery<Query> & { tagKeys: string; textFormat: string; titleFormat: string };

export type File = Plain<
  Omit<Dashboard, 'annotations' | 'panels'> & { annotations: { list: Annotation[] }; panels: AnyPanel[]; uid: string }
>;

package statement

import "slices"

// Refusal is a group of functions that statements may name and that are not served, and why.
type Refusal struct {
	Functions []string
	Reason    string
}

// Unsupported lists the functions of the dialect that are refused. A call of one fails with the reason.
var Unsupported = []Refusal{
	{
		[]string{"mobile_carrier", "mobile_city", "mobile_province"},
		"it needs a database of phone numbers, and none is shipped",
	},
	{
		[]string{"security_check_ip", "security_check_domain", "security_check_url"},
		"it needs a list of known threats, and none is shipped; an answer without one would look like safety",
	},
	{
		[]string{
			"st_point", "st_geometryfromtext", "st_astext", "st_linefromtext", "st_polygon", "st_area", "st_buffer", "st_boundary", "st_contains",
			"st_distance", "st_intersects", "st_within", "st_union", "st_envelope", "st_difference", "st_intersection", "st_crosses",
			"st_disjoint", "st_equals", "st_overlaps", "st_relate", "st_touches", "st_centroid", "st_length", "st_x", "st_y",
			"bing_tile", "bing_tile_at", "bing_tile_quadkey", "bing_tile_zoom_level",
		},
		"geometry needs an extension of the engine that is not built in; geohash and geohash_decode are there",
	},
	{
		[]string{"bar", "color", "render", "rgb"},
		"it makes colours of a terminal, which results do not have",
	},
	{
		[]string{
			"ts_smooth_simple", "ts_smooth_fir", "ts_smooth_iir", "ts_period_detect", "ts_period_classify", "ts_predicate_simple", "ts_predicate_ar",
			"ts_predicate_arma", "ts_predicate_arima", "ts_regression_predict", "ts_similar_instance", "ts_decompose", "ts_cp_detect",
			"ts_breakout_detect", "ts_find_peaks", "ts_anomaly_filter", "ts_cluster", "ts_density_cluster", "ts_hierarchical_cluster",
			"ts_association_analysis", "url_classify", "anomaly_compare", "rca_kpi_search", "pattern_stat", "diff_pattern_stat", "log_reduce",
			"series_forecast", "series_decompose_anomalies", "cluster", "get_patterns", "get_anomaly_patterns",
		},
		"it is a model of machine learning of the cloud service",
	},
	{
		[]string{"promql_query", "promql_query_range"},
		"there are no metric stores",
	},
}

func refusalOf(function string) (Refusal, bool) {
	for _, r := range Unsupported {
		if slices.Contains(r.Functions, function) {
			return r, true
		}
	}
	return Refusal{}, false
}

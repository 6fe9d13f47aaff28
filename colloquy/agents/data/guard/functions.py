"""The functions that a query may call, by dialect. Any function not listed here is refused.

Left out on purpose: functions that read files, the network, settings or the environment, run SQL given as text, sleep,
lock, keep state between queries (sequences, variables, seeds) or show what other users are doing.
"""

from __future__ import annotations

from typing import Final, Literal

Dialect = Literal["duckdb", "sqlite", "postgres"]

_EVERYWHERE = """
abs acos acosh asin asinh atan atan2 atanh avg cast ceil ceiling char char_length character_length chr coalesce
concat concat_ws cos cosh count cume_dist date degrees dense_rank every exp extract first_value floor format
greatest grouping group_concat hex if ifnull iif instr lag last_value lead least left length ln log log10 log2 lower
lpad ltrim max min mod now nth_value ntile nullif octet_length overlay percent_rank pi position pow power radians
random rank repeat replace reverse right round row row_number rpad rtrim sign sin sinh sqrt stddev stddev_pop
stddev_samp string_agg substr substring sum tan tanh total translate trim trunc typeof unicode upper variance
var_pop var_samp ascii bit_length md5 initcap cot cbrt div factorial gcd lcm quote strpos split_part starts_with
to_hex any all some array exists try_cast current_date current_time current_timestamp localtime localtimestamp
"""

_DUCKDB = """
add age aggregate any_value approx_count_distinct approx_quantile approx_top_k apply arbitrary arg_max arg_max_null
arg_min arg_min_null argmax argmin array_agg array_aggr array_aggregate array_append array_apply array_cat
array_concat array_contains array_cosine_distance array_cosine_similarity array_distance array_distinct
array_extract array_filter array_has array_has_all array_has_any array_indexof array_inner_product array_intersect
array_length array_pop_back array_pop_front array_position array_prepend array_reduce array_resize array_reverse
array_reverse_sort array_select array_slice array_sort array_to_json array_to_string array_transform array_unique
array_value array_where array_zip ago bar base64 bin bit_and bit_count bit_or bit_xor bool_and bool_or cardinality
century columns contains corr count_if count_star countif covar_pop covar_samp damerau_levenshtein date_add
date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek
dayofyear days_in_month decade divide editdist3 element_at encode decode ends_with entropy enum_code enum_first
enum_last enum_range epoch epoch_ms epoch_ns epoch_us equi_width_bins era even favg fdiv filter first flatten fmod
format_bytes formatreadablesize from_base64 from_binary from_hex from_json from_json_strict fsum gamma
generate_series generate_subscripts geomean geometric_mean get_current_timestamp grade_up greatest_common_divisor
hamming hash histogram histogram_values hour isfinite isinf isnan isodow isoyear jaccard jaro_similarity
jaro_winkler_similarity json json_array json_array_length json_contains json_each json_exists json_extract
json_extract_path json_extract_path_text json_extract_string json_group_array json_group_object json_group_structure
json_insert json_keys json_merge_patch json_object json_pretty json_quote json_remove json_replace json_set
json_structure json_transform json_transform_strict json_tree json_type json_valid json_value julian kahan_sum
kurtosis kurtosis_pop last last_day lcase least_common_multiple left_grapheme len length_grapheme levenshtein lgamma
list list_aggr list_aggregate list_any_value list_append list_apply list_approx_count_distinct list_avg
list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count
list_distance list_distinct list_element list_entropy list_extract list_filter list_first list_grade_up list_has
list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect list_kurtosis list_last
list_mad list_max list_median list_min list_mode list_pack list_position list_prepend list_product list_reduce
list_resize list_reverse list_reverse_sort list_select list_skewness list_slice list_sort list_stddev_pop
list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp
list_where list_zip listagg mad make_date make_time make_timestamp make_timestamp_ms make_timestamptz map map_concat
map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value map_from_entries
map_keys map_values max_by mean median microsecond millennium millisecond min_by minute mismatches mode month
monthname multiply nanosecond nextafter nfc_normalize ord parse_dirname parse_dirpath parse_filename parse_path
prefix printf product quantile quantile_cont quantile_disc percentile_cont percentile_disc quarter range reduce
regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
regr_sxx regr_sxy regr_syy reservoir reservoir_quantile bernoulli system right_grapheme round_even roundbankers
row_to_json second sem sha1 sha256 signbit skewness split str_split str_split_regex strftime string_split
string_split_regex string_to_array strip_accents strlen strptime struct_concat struct_contains struct_extract
struct_insert struct_keys struct_pack struct_position struct_update struct_values substring_grapheme subtract suffix
sum_no_overflow sumkahan switch time_bucket timezone timezone_hour timezone_minute to_base to_base64 to_binary
to_centuries to_days to_decades to_hours to_json to_microseconds to_milliseconds to_minutes to_months to_quarters
to_seconds to_timestamp to_weeks to_years today try_strptime ucase unbin unhex union_extract union_tag union_value
unnest url_decode url_encode uuid gen_random_uuid week weekday weekofyear weighted_avg wavg xor year yearweek pivot
unpivot exclude rename cube rollup
"""

_SQLITE = """
bm25 datetime glob highlight json json_array json_array_length json_each json_extract json_group_array
json_group_object json_insert json_object json_patch json_quote json_remove json_replace json_set json_tree
json_type json_valid julianday like likelihood likely match max offsets printf snippet soundex strftime subtype time
timediff unhex unixepoch unlikely zeroblob randomblob concat string_agg octet_length
"""

_POSTGRES = """
acosd age area array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper
asind atan2d atand bit_and bit_count bit_or bit_xor bool_and bool_or btrim cardinality clock_timestamp convert_from
convert_to corr cosd cotd covar_pop covar_samp date_bin date_part date_trunc decode encode gen_random_uuid
generate_series generate_subscripts get_bit get_byte isempty isfinite json_agg json_array_elements
json_array_elements_text json_array_length json_build_array json_build_object json_each json_each_text
json_extract_path json_extract_path_text json_object json_object_agg json_object_keys json_populate_record
json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys
jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty
jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours
justify_interval lower_inc lower_inf make_date make_interval make_time make_timestamp make_timestamptz min_scale
mode normalize is_normalized num_nonnulls num_nulls numrange daterange int4range int8range tsrange tstzrange
parse_ident percentile_cont percentile_disc pg_typeof phraseto_tsquery plainto_tsquery quote_ident quote_literal
quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2
regr_slope regr_sxx regr_sxy regr_syy row_to_json scale sha224 sha256 sha384 sha512 sind statement_timestamp
string_to_array string_to_table strip tand timezone to_ascii to_char to_date to_json to_jsonb to_number to_timestamp
to_tsquery to_tsvector transaction_timestamp trim_array trim_scale ts_headline ts_rank ts_rank_cd tsvector_to_array
unistr unnest upper_inc upper_inf websearch_to_tsquery width_bucket similarity word_similarity xmin unaccent
bernoulli system cube rollup sets
"""

ALLOWED: Final[dict[Dialect, frozenset[str]]] = {
    "duckdb": frozenset((_EVERYWHERE + _DUCKDB).split()),
    "sqlite": frozenset((_EVERYWHERE + _SQLITE).split()),
    "postgres": frozenset((_EVERYWHERE + _POSTGRES).split()),
}

_NOT_FUNCTIONS_TEXT: Final = """
all and any anti as asof between by case conflict cross cube distinct else end except exclude exists filter for from
full grouping group having in inner intersect interval is join lateral left like limit materialized natural not
offset on or order outer over partition positional qualify recursive replace returning rollup rows select semi set
sets similar some then to union unpivot pivot using values when where window with within array struct map row list
union enum bigint binary bit blob bool boolean bpchar bytea char character date datetime dec decimal double float
float4 float8 hugeint int int2 int4 int8 integer json jsonb long money nchar number numeric nvarchar precision real
short signed smallint string text time timestamp timestamptz timetz tinyint ubigint uhugeint uinteger usmallint
utinyint uuid varbinary varbit varchar varying xml
"""
NOT_FUNCTIONS: Final = frozenset(_NOT_FUNCTIONS_TEXT.split())
"""Keywords and types: words that may precede a parenthesis without being a call."""

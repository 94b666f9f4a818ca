package statement

var urlFunctions = section{"URLs", scalar, []row{
	{sig: "url_encode(varchar) varchar", duck: "replace(url_encode($1), '%20', '+')", example: "url_encode('a b/c') → a+b%2Fc"},
	{sig: "url_decode(varchar) varchar", duck: "url_decode(replace($1, '+', ' '))", example: "url_decode('a+b%2fc') → a b/c"},
	{sig: "url_extract_protocol(varchar) varchar", duck: urlPart("^([a-zA-Z][a-zA-Z0-9+.-]*):"), example: "url_extract_protocol(" + sampleURL + ") → https"},
	{sig: "url_extract_host(varchar) varchar", duck: urlPart("^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#]*@)?([^/?#:]*)"), example: "url_extract_host(" + sampleURL + ") → example.com"},
	{sig: "url_extract_port(varchar) bigint", duck: "TRY_CAST(" + urlPart(`^[^:/?#]+://(?:[^/?#@]*@)?[^/?#:]*:(\d+)`) + " AS BIGINT)", example: "url_extract_port(" + sampleURL + ") → 8443"},
	{sig: "url_extract_path(varchar) varchar", duck: urlPart("^(?:[^:/?#]+:)?(?://[^/?#]*)?([^?#]*)"), example: "url_extract_path(" + sampleURL + ") → /a/b"},
	{sig: "url_extract_query(varchar) varchar", duck: urlPart(`^[^?#]*\?([^#]*)`), example: "url_extract_query(" + sampleURL + ") → k=v%20w&x=1"},
	{sig: "url_extract_fragment(varchar) varchar", duck: urlPart("#(.*)$$"), example: "url_extract_fragment(" + sampleURL + ") → top"},
	{
		sig: "url_extract_parameter(varchar, varchar) varchar", duck: "nullif(url_decode(replace(regexp_extract($1, '[?&]' || regexp_escape($2) || '=([^&#]*)', 1), '+', ' ')), '')",
		example: "url_extract_parameter(" + sampleURL + ", 'k') → v w",
	},
}}

const sampleURL = "'https://me@example.com:8443/a/b?k=v%20w&x=1#top'"

func urlPart(pattern string) string { return "regexp_extract($1, '" + pattern + "', 1)" }

var binaryFunctions = section{"Binary and bits", scalar, []row{
	{sig: "from_base64(varchar) varbinary", duck: "from_base64($1)", example: "from_utf8(from_base64('bG9n')) → log"},
	{sig: "to_base64(varbinary) varchar", duck: "to_base64($1)", example: "to_base64(to_utf8('log')) → bG9n"},
	{sig: "from_base64url(varchar) varbinary", duck: "from_base64(translate($1, '-_', '+/'))", example: "to_hex(from_base64url('-_8=')) → FBFF"},
	{sig: "to_base64url(varbinary) varchar", duck: "translate(to_base64($1), '+/', '-_')", example: "to_base64url(from_hex('fbff')) → -_8="},
	{sig: "from_hex(varchar) varbinary", duck: "unhex($1)", example: "from_utf8(from_hex('6c6f67')) → log"},
	{sig: "to_hex(varbinary) varchar", duck: "hex($1)", example: "to_hex(to_utf8('log')) → 6C6F67"},
	{sig: "from_big_endian_64(varbinary) bigint", duck: "sluice_from_big_endian($1)", example: "from_big_endian_64(from_hex('ffffffffffffffff')) → -1"},
	{sig: "to_big_endian_64(bigint) varbinary", duck: "sluice_to_big_endian($1)", example: "to_hex(to_big_endian_64(255)) → 00000000000000FF"},
	{sig: "length(varbinary) bigint", duck: "octet_length($1)", example: "length(to_utf8('日志')) → 6"},
	{sig: "md5(varbinary) varbinary", duck: "unhex(md5($1))", example: "to_hex(md5(to_utf8('log'))) → DC1D71BBB5C4D2A5E936DB79EF10C19F"},
	{sig: "sha1(varbinary) varbinary", duck: "unhex(sha1($1))", example: "substr(to_hex(sha1(to_utf8('log'))), 1, 8) → 7BABC233"},
	{sig: "sha256(varbinary) varbinary", duck: "unhex(sha256($1))", example: "length(sha256(to_utf8('log'))) → 32"},
	{sig: "sha512(varbinary) varbinary", duck: "sluice_sha512($1)", example: "length(sha512(to_utf8('log'))) → 64"},
	{sig: "xxhash64(varbinary) varbinary", duck: "sluice_xxhash64($1)", example: "to_hex(xxhash64(to_utf8(''))) → EF46DB3751D8E999"},
	{sig: "bitwise_and(bigint, bigint) bigint", duck: "($1 & $2)", example: "bitwise_and(12, 10) → 8"},
	{sig: "bitwise_or(bigint, bigint) bigint", duck: "($1 | $2)", example: "bitwise_or(12, 10) → 14"},
	{sig: "bitwise_xor(bigint, bigint) bigint", duck: "xor($1, $2)", example: "bitwise_xor(12, 10) → 6"},
	{sig: "bitwise_not(bigint) bigint", duck: "(~$1)", example: "bitwise_not(12) → -13"},
	{sig: "bitwise_left_shift(bigint, bigint) bigint", duck: "sluice_shift($1, $2)", example: "bitwise_left_shift(1, 63) → -9223372036854775808"},
	{sig: "bitwise_right_shift(bigint, bigint) bigint", duck: "sluice_shift($1, -$2)", example: "bitwise_right_shift(-8, 1) → 9223372036854775804"},
	{sig: "bitwise_right_shift_arithmetic(bigint, bigint) bigint", duck: "($1 >> least($2, 63))", example: "bitwise_right_shift_arithmetic(-8, 1) → -4"},
	{
		sig: "bit_count(bigint, bigint) bigint", duck: "CAST(bit_count(CASE WHEN $2 >= 63 THEN $1 ELSE $1 & ((1::BIGINT << least($2, 62)) - 1) END) AS BIGINT)",
		example: "bit_count(-1, 8) → 8",
	},
}}

var networkFunctions = section{"IP addresses and places", scalar, []row{
	{sig: "ip_to_domain(varchar) varchar", duck: "sluice_ip_domain($1)", example: "ip_to_domain('192.168.1.1') → intranet"},
	{sig: "ipv6_to_domain(varchar) varchar", duck: "sluice_ip_domain($1)", example: "ipv6_to_domain('2001:4860:4860::8888') → internet"},
	{sig: "ip_prefix(varchar, bigint) varchar", duck: "sluice_ip_prefix($1, $2)", example: "ip_prefix('192.0.2.77', 24) → 192.0.2.0/24"},
	{sig: "is_subnet_of(varchar, varchar) boolean", duck: "sluice_subnet_holds($1, $2)", example: "is_subnet_of('192.0.2.0/24', '192.0.2.77') → true"},
	{sig: "is_prefix_subnet_of(varchar, varchar) boolean", duck: "sluice_subnet_holds($1, $2)", example: "is_prefix_subnet_of('192.0.2.0/24', '192.0.2.64/26') → true"},
	{sig: "ip_subnet_min(varchar) varchar", duck: "sluice_subnet_first($1)", example: "ip_subnet_min('192.0.2.77/24') → 192.0.2.0"},
	{sig: "ip_subnet_max(varchar) varchar", duck: "sluice_subnet_last($1)", example: "ip_subnet_max('192.0.2.77/24') → 192.0.2.255"},
	{sig: "ip_subnet_range(varchar) array(varchar)", duck: "[sluice_subnet_first($1), sluice_subnet_last($1)]", example: `ip_subnet_range('192.0.2.77/24') → ["192.0.2.0","192.0.2.255"]`},
	{sig: "geohash(varchar) varchar", duck: "sluice_geohash($1, 12::BIGINT)", example: "geohash('57.64911,10.40744') → u4pruydqqvj8"},
	{sig: "geohash(varchar, bigint) varchar", duck: "sluice_geohash($1, $2)", example: "geohash('57.64911,10.40744', 6) → u4pruy"},
	{sig: "geohash(double, double) varchar", duck: "sluice_geohash($1 || ',' || $2, 12::BIGINT)", example: "geohash(57.64911, 10.40744) → u4pruydqqvj8"},
	{sig: "geohash(double, double, bigint) varchar", duck: "sluice_geohash($1 || ',' || $2, $3)", example: "geohash(57.64911, 10.40744, 4) → u4pr"},
	{sig: "geohash_decode(varchar) varchar", duck: "sluice_geohash_decode($1)", example: "geohash_decode('ezs42') → 42.60498046875,-5.60302734375"},
}}

var unitFunctions = section{"Units", scalar, []row{
	{sig: "parse_data_size(varchar) decimal", duck: "CAST(trunc(sluice_data_size($1)) AS DECIMAL(38, 0))", example: "parse_data_size('2.3MB') → 2411724"},
	{sig: "convert_data_size(varchar) varchar", duck: "sluice_data_text(sluice_data_size($1), '')", example: "convert_data_size('1200KB') → 1.17MB"},
	{sig: "convert_data_size(varchar, varchar) varchar", duck: "sluice_data_text(sluice_data_size($1), $2)", example: "convert_data_size('1.5GB', 'MB') → 1536.0MB"},
	{sig: "format_data_size(number) varchar", duck: "sluice_data_text(CAST($1 AS DOUBLE), '')", example: "format_data_size(1823) → 1.78KB"},
	{sig: "format_data_size(number, varchar) varchar", duck: "sluice_data_text(CAST($1 AS DOUBLE) * sluice_data_size('1' || $2), '')", example: "format_data_size(2048, 'KB') → 2.0MB"},
	{sig: "to_data_size_b(varchar) double", duck: "sluice_data_size($1)", example: "to_data_size_B('1KB') → 1024.0"},
	{sig: "to_data_size_kb(varchar) double", duck: "(sluice_data_size($1) / 1024e0)", example: "to_data_size_KB('1MB') → 1024.0"},
	{sig: "to_data_size_mb(varchar) double", duck: "(sluice_data_size($1) / 1048576e0)", example: "to_data_size_MB('1GB') → 1024.0"},
	{sig: "to_data_size_gb(varchar) double", duck: "(sluice_data_size($1) / 1073741824e0)", example: "to_data_size_GB('512MB') → 0.5"},
	{sig: "to_data_size_tb(varchar) double", duck: "(sluice_data_size($1) / 1099511627776e0)", example: "to_data_size_TB('1024GB') → 1.0"},
	{sig: "to_data_size_pb(varchar) double", duck: "(sluice_data_size($1) / 1125899906842624e0)", example: "to_data_size_PB('1024TB') → 1.0"},
	{sig: "parse_duration(varchar) interval", duck: "to_microseconds(CAST(round(sluice_duration($1) * 1e6) AS BIGINT))", example: "parse_duration('3.8d') → 3 19:12:00.000"},
	{sig: "format_duration(double) varchar", duck: "sluice_duration_text($1)", example: "format_duration(235) → 3 minutes, 55 seconds"},
	{sig: "to_days(varchar) double", duck: "(sluice_duration($1) / 86400e0)", example: "to_days('36h') → 1.5"},
	{sig: "to_hours(varchar) double", duck: "(sluice_duration($1) / 3600e0)", example: "to_hours('90m') → 1.5"},
	{sig: "to_minutes(varchar) double", duck: "(sluice_duration($1) / 60e0)", example: "to_minutes('90s') → 1.5"},
	{sig: "to_seconds(varchar) double", duck: "sluice_duration($1)", example: "to_seconds('1d') → 86400.0"},
	{sig: "to_milliseconds(varchar) double", duck: "(sluice_duration($1) * 1e3)", example: "to_milliseconds('1.5s') → 1500.0"},
	{sig: "to_microseconds(varchar) double", duck: "(sluice_duration($1) * 1e6)", example: "to_microseconds('1ms') → 1000.0"},
	{sig: "to_nanoseconds(varchar) double", duck: "(sluice_duration($1) * 1e9)", example: "to_nanoseconds('1us') → 1000.0"},
	{sig: "to_most_succinct_time_unit(varchar) varchar", duck: "sluice_duration_succinct(sluice_duration($1))", example: "to_most_succinct_time_unit('1340ms') → 1.34s"},
}}

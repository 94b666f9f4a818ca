package statement

import "slices"

// What these know of an address stands in files that the operator has; see package places. An address that they do not know, and
// a text that is no address, give NULL.
var placeFunctions = section{"IP addresses and places", scalar, []row{
	{sig: "ip_to_country(varchar) varchar", duck: "sluice_place($1, 'country', 'zh-CN')", example: "ip_to_country('203.0.113.7') → 中国", needs: needsPlaces},
	{sig: "ip_to_country(varchar, varchar) varchar", print: placeName("country"), example: "ip_to_country('203.0.113.7', 'en') → China", needs: needsPlaces},
	{sig: "ip_to_province(varchar) varchar", duck: "sluice_place($1, 'province', 'zh-CN')", example: "ip_to_province('203.0.113.7') → 浙江", needs: needsPlaces},
	{sig: "ip_to_province(varchar, varchar) varchar", print: placeName("province"), example: "ip_to_province('203.0.113.7', 'en') → Zhejiang", needs: needsPlaces},
	{sig: "ip_to_city(varchar) varchar", duck: "sluice_place($1, 'city', 'zh-CN')", example: "ip_to_city('203.0.113.7') → 杭州", needs: needsPlaces},
	{sig: "ip_to_city(varchar, varchar) varchar", print: placeName("city"), example: "ip_to_city('203.0.113.7', 'en') → Hangzhou", needs: needsPlaces},
	{sig: "ip_to_country_code(varchar) varchar", duck: "sluice_place($1, 'country_code', '')", example: "ip_to_country_code('203.0.113.7') → CN", needs: needsPlaces},
	{sig: "ip_to_geo(varchar) varchar", duck: "sluice_place($1, 'point', '')", example: "ip_to_geo('203.0.113.7') → 30.294,120.1619", needs: needsPlaces},
	{sig: "ip_to_city_geo(varchar) varchar", duck: "sluice_place($1, 'point', '')", example: "ip_to_city_geo('203.0.113.7') → 30.294,120.1619", needs: needsPlaces},
	{sig: "ip_to_provider(varchar) varchar", duck: "sluice_place($1, 'provider', '')", example: "ip_to_provider('203.0.113.7') → Example Telecom", needs: needsProviders},
	{sig: "ipv6_to_country(varchar) varchar", duck: "sluice_place($1, 'country', 'zh-CN')", example: "ipv6_to_country('2001:db8::1') → Germany", needs: needsPlaces},
	{sig: "ipv6_to_country(varchar, varchar) varchar", print: placeName("country"), example: "ipv6_to_country('2001:db8::1', 'en') → Germany", needs: needsPlaces},
	{sig: "ipv6_to_province(varchar) varchar", duck: "sluice_place($1, 'province', 'zh-CN')", example: "ipv6_to_province('2001:db8::1') → null", needs: needsPlaces},
	{sig: "ipv6_to_province(varchar, varchar) varchar", print: placeName("province"), example: "ipv6_to_province('2001:db8::1', 'en') → null", needs: needsPlaces},
	{sig: "ipv6_to_city(varchar) varchar", duck: "sluice_place($1, 'city', 'zh-CN')", example: "ipv6_to_city('2001:db8::1') → Berlin", needs: needsPlaces},
	{sig: "ipv6_to_city(varchar, varchar) varchar", print: placeName("city"), example: "ipv6_to_city('2001:db8::1', 'en') → Berlin", needs: needsPlaces},
	{sig: "ipv6_to_country_code(varchar) varchar", duck: "sluice_place($1, 'country_code', '')", example: "ipv6_to_country_code('2001:db8::1') → DE", needs: needsPlaces},
	{sig: "ipv6_to_geo(varchar) varchar", duck: "sluice_place($1, 'point', '')", example: "ipv6_to_geo('2001:db8::1') → null", needs: needsPlaces},
	{sig: "ipv6_to_city_geo(varchar) varchar", duck: "sluice_place($1, 'point', '')", example: "ipv6_to_city_geo('2001:db8::1') → null", needs: needsPlaces},
	{sig: "ipv6_to_provider(varchar) varchar", duck: "sluice_place($1, 'provider', '')", example: "ipv6_to_provider('2001:db8::1') → null", needs: needsProviders},
}}

// placeName prints the name of a place in the language that the second argument says.
func placeName(part string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		s, ok := c.args[1].(*stringLit)
		languages := []string{"en", "zh", "zh-CN"}
		if !ok || !slices.Contains(languages, s.value) {
			p.fail(c.args[1].at(), "the language of %s is the constant text 'en' or 'zh'", c.name)
		}
		language := either(s.value == "en", "en", "zh-CN")
		return p.template("sluice_place($1, "+quoteText(part)+", "+quoteText(language)+")", c)
	}
}

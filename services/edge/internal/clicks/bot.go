package clicks

import "strings"

// signs are parts of the user agents of what walks the web by itself, in lower
// case: search engines, archives, link checkers, monitors, and the fetchers of
// previews in chats. Programs that people open containers with (curl, PowerShell,
// download managers) are none of them, and neither is an empty agent: an unlock by
// a script is a click.
var signs = []string{
	// What most of them call themselves.
	"bot/", "bot;", "bot)", "bot,", "bot ", "bot-", "bots", "-bot", "_bot", "crawl", "spider", "scraper", "scrapy", "archiver", "slurp",
	// Searching and learning.
	"mediapartners-google", "google-inspectiontool", "googleother", "google-read-aloud", "google-extended", "feedfetcher", "apis-google", "bingpreview",
	"chatgpt-user", "claude-web", "anthropic-ai", "perplexity", "duckassist", "meta-externalagent", "ia_archiver", "heritrix", "nutch", "httrack", "semrush", "ahrefs",
	// Previews of links.
	"facebookexternalhit", "facebookcatalog", "whatsapp", "slack-imgproxy", "skypeuripreview", "vkshare", "pinterest/", "embedly", "iframely", "link preview",
	"linkpreview", "camo asset proxy", "github-camo", "mastodon/", "akkoma", "pleroma", "misskey", "feedly", "flipboard", "rss reader", "rss/",
	// Watching and scanning.
	"uptime", "pingdom", "statuscake", "site24x7", "newrelicpinger", "monitoring", "linkchecker", "link checker", "lychee/", "w3c_", "validator",
	"zgrab", "masscan", "nmap", "nikto", "sqlmap", "nuclei", "censys", "expanse", "netcraft",
	// Browsers without anybody in front.
	"headlesschrome", "phantomjs", "lighthouse", "pagespeed", "gtmetrix", "prerender", "puppeteer", "playwright", "selenium",
}

// notBots holds makers of telephones whose names would look like one.
var notBots = strings.NewReplacer("cubot", "")

// isBot reports whether a user agent says that nobody looks.
func isBot(agent string) bool {
	agent = notBots.Replace(strings.ToLower(agent))
	for _, s := range signs {
		if strings.Contains(agent, s) {
			return true
		}
	}
	return strings.HasSuffix(agent, "bot")
}

// looksAhead reports whether a browser fetches what nobody has asked for yet.
func looksAhead(purpose string) bool {
	purpose = strings.ToLower(purpose)
	return strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") || strings.Contains(purpose, "preview")
}

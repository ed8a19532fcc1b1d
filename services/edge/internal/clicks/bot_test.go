package clicks_test

import (
	"fmt"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/clicks"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// bots are user agents as their makers document them.
func bots() []string {
	return []string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot-Image/1.0", "Mediapartners-Google", "GoogleOther", "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
		"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "Mozilla/5.0 (compatible; Baiduspider/2.0)",
		"DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)", "Sogou web spider/4.0",
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "meta-externalagent/1.1", "WhatsApp/2.23.20.0", "TelegramBot (like TwitterBot)", "Twitterbot/1.0",
		"Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "LinkedInBot/1.0", "Mozilla/5.0 (compatible; redditbot/1.0)", "SkypeUriPreview",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "ClaudeBot/1.0", "PerplexityBot/1.0", "CCBot/2.0", "Bytespider", "Amazonbot/0.1", "Applebot/0.1",
		"Mozilla/5.0 (compatible; AhrefsBot/7.0)", "Mozilla/5.0 (compatible; SemrushBot/7~bl)", "Mozilla/5.0 (compatible; MJ12bot/v1.4.8)", "PetalBot", "Mozilla/5.0 (compatible; archive.org_bot)", "ia_archiver",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36", "Mozilla/5.0 Chrome-Lighthouse", "Mozilla/5.0+(compatible; UptimeRobot/2.0)", "Pingdom.com_bot_version_1.4",
		"Mastodon/4.2 (http.rb/5.1)", "Scrapy/2.11 (+https://scrapy.org)", "lychee/0.15", "LinkChecker/10.2", "github-camo (abc)", "ZoomBot", "my-little-bot",
	}
}

func TestBots_PeopleAreNone(t *testing.T) {
	t.Parallel()
	people := []string{
		firefox, "", "curl/8.5.0", "Wget/1.21", "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.22621.4391", "PowerShell/7.4", "Go-http-client/1.1", "python-requests/2.32", "JDownloader", "pyLoad/0.5",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20 PRO) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Linux; Android 11; CUBOT) AppleWebKit/537.36", "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18", "Lynx/2.9.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15",
	}
	all := run(t, func(r *clicks.Recorder, _ *stream) {
		for i, agent := range people {
			r.Viewed(view(func(v *core.View) { v.Agent, v.Source = agent, fmt.Sprint(i) }))
		}
	})
	if len(all) != len(people) {
		t.Errorf("%d of %d count", len(all), len(people))
	}
}

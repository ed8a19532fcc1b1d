package yetishare

import "strings"

// siteName is what links that people put on their pages say of this site.
const siteName = "Sluice"

// htmlText escapes as PHP's htmlspecialchars does with ENT_QUOTES.
var htmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;")

// urlHTML is a link for a page; images are viewed, everything else is downloaded.
func urlHTML(url, name, kind string) string {
	title, verb, rest := "Download from ", "download ", " from "
	if strings.HasPrefix(kind, "image/") {
		title, verb, rest = "View image on ", "view ", " on "
	}
	return `<a href="` + htmlText.Replace(url) + `" target="_blank" title="` + title + siteName + `">` + verb + htmlText.Replace(name) + rest + siteName + `</a>`
}

// urlBBCode is a link for a forum. The URL is ours, with nothing of the name in it.
func urlBBCode(url string) string { return "[url]" + url + "[/url]" }

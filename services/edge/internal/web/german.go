package web

import "maps"

// german is what the pages of containers say in German, by the English of it;
// behind "! " by the code of an error. TestGerman holds that nothing that
// the templates say is missing.
func german() map[string]string {
	out := map[string]string{ //nolint:gosec // words, no password
		// Around every page.
		"Skip to the content": "Zum Inhalt springen",
		"Main":                "Hauptmenü",
		"Log out":             "Abmelden",
		"Log in or sign up":   "Anmelden",
		"Account":             "Konto",
		"Copy":                "Kopieren", "link": "Link", "curl command": "curl-Befehl",
		"Stored by Sluice": "Gespeichert von Sluice",

		// States.
		"online": "online", "offline": "offline", "unknown": "unbekannt", "partial": "teilweise online",
		"%d online": "%d online", "%d offline": "%d offline", "%d unknown": "%d unbekannt",
		"checked": "geprüft", "not checked yet": "noch nicht geprüft", "not yet": "noch nicht",

		// Why a link has its state.
		"not for everybody": "nicht für alle", "gone": "verschwunden", "removed": "entfernt", "removed for legal reasons": "aus rechtlichen Gründen entfernt",
		"the host refuses to tell": "der Hoster verweigert die Auskunft", "the host asks for patience": "der Hoster bittet um Geduld", "the host has trouble": "der Hoster hat eine Störung",
		"the host wants to see a person": "der Hoster will einen Menschen sehen", "the host wants a log-in": "der Hoster will eine Anmeldung", "the host leads elsewhere": "der Hoster leitet woandershin",
		"the host took too long": "der Hoster hat zu lange gebraucht", "there is no such host": "den Hoster gibt es nicht", "the host cannot be reached": "der Hoster ist nicht erreichbar",
		"the address is not checked": "die Adresse wird nicht geprüft", "the answer is unclear": "die Antwort ist unklar",

		// A container's page.
		"This container is protected":                "Dieser Container ist geschützt",
		"One click opens it":                         "Ein Klick öffnet ihn",
		"Password":                                   "Passwort",
		"Click in the circle:":                       "Klicke in den Kreis:",
		"Then click in the circle:":                  "Klicke dann in den Kreis:",
		"a picture of figures, one of them a circle": "ein Bild mit Figuren, eine davon ist ein Kreis",
		"With a keyboard: the arrows move a cross over the picture, Enter clicks.": "Mit der Tastatur: Die Pfeile bewegen ein Kreuz über das Bild, die Eingabetaste klickt.",
		"Who cannot see it may open the container by the":                          "Wer es nicht sehen kann, öffnet den Container über die",
		"Open":                        "Öffnen",
		"Links":                       "Links",
		"show all":                    "alle zeigen",
		"only these":                  "nur diese",
		"Copy all":                    "Alle kopieren",
		"Text":                        "Text",
		"Mirror %d":                   "Mirror %d",
		"1 link":                      "1 Link",
		"%d links":                    "%d Links",
		"stands in for the one above": "Ersatz für den darüber",
		"The links are on their way to the download manager on this machine.":          "Die Links gehen an den Download-Manager auf diesem Rechner.",
		"The owner shows no single links here: take them by Click’n’Load or Metalink.": "Der Besitzer zeigt hier keine einzelnen Links: Sie kommen per Click’n’Load oder Metalink.",
		"The list of links has changed. Reload the page to see it.":                    "Die Liste der Links hat sich geändert. Lade die Seite neu, um sie zu sehen.",
		"The container is gone.":   "Der Container ist gelöscht.",
		"About this container":     "Über diesen Container",
		"Hosts":                    "Hoster",
		"Made":                     "Erstellt",
		"Last check":               "Zuletzt geprüft",
		"last check:":              "zuletzt geprüft:",
		"This container is yours:": "Dieser Container gehört dir:",
		"edit it":                  "bearbeiten",

		// Clicks and badge.
		"Clicks": "Klicks", "Today": "Heute", "Yesterday": "Gestern", "This month": "Diesen Monat", "In all": "Insgesamt",
		"Clicks on each of the last %d days, %d at most": "Klicks an jedem der letzten %d Tage, höchstens %d",
		"Where they came from":                           "Woher sie kamen",
		"Badge":                                          "Statusbild",
		"the badge of this container":                    "das Statusbild dieses Containers",

		// The account's containers.
		"Link containers": "Link-Container", "Your containers": "Deine Container", "Some of your containers": "Einige deiner Container",
		"By status": "Nach Status", "all": "alle", "Group": "Gruppe", "password": "Passwort",
		"Open page": "Seite öffnen", "Open the page of %s": "Seite von %s öffnen", "Edit %s": "%s bearbeiten", "Edit": "Bearbeiten",
		"Check now": "Jetzt prüfen", "The links are being checked.": "Die Links werden geprüft.", "There are none here.": "Hier sind keine.", "No containers yet.": "Noch keine Container.", "Newest": "Neueste", "Older": "Ältere",
		"A new container": "Ein neuer Container", "Make it": "Erstellen", "Programs do the same with your": "Programme tun dasselbe mit deinem", "API key": "API-Key",
		"Title": "Titel", "Links, one a line": "Links, einer je Zeile",
		"A line of dashes (---) begins another mirror of the same content. A “+” in front of a link makes it a stand-in for the one above.": "Eine Zeile aus Strichen (---) beginnt einen weiteren Mirror desselben Inhalts. Ein „+“ vor einem Link macht ihn zum Ersatz für den darüber.",
		"New password": "Neues Passwort", "Password (optional)": "Passwort (freiwillig)", "Left empty, the one that there is stays.": "Bleibt es leer, gilt das bisherige weiter.",
		"There is none now.": "Zurzeit gibt es keines.", "Group (optional)": "Gruppe (freiwillig)", "On its page": "Auf seiner Seite",
		"Take the password away": "Passwort entfernen", "Ask for a click in a picture": "Einen Klick in ein Bild verlangen", "keeps simple programs out": "hält einfache Programme fern",
		"No Click’n’Load": "Kein Click’n’Load", "No single links": "Keine einzelnen Links", "only Click’n’Load and Metalink": "nur Click’n’Load und Metalink",
		"Share": "Teilen", "Number for older programs:": "Nummer für ältere Programme:", "Save": "Speichern", "Delete": "Löschen",
		"Its page, its badge and its statistics go with it.":  "Seine Seite, sein Statusbild und seine Statistik verschwinden mit ihm.",
		"Delete the container":                                "Container löschen",
		"The container is made. Its links are being checked.": "Der Container ist erstellt. Seine Links werden geprüft.",
		"The changes are saved.":                              "Die Änderungen sind gespeichert.", "The container is deleted.": "Der Container ist gelöscht.",

		// The API key.
		"Programs make and change your link containers with it, in the header X-API-Key.": "Programme erstellen und ändern damit deine Link-Container, im Header X-API-Key.",
		"Your new API key": "Dein neuer API-Key", "Keep it now: it is shown this once. The key before it has ended.": "Bewahre ihn jetzt auf: Er wird nur dieses eine Mal gezeigt. Der vorige gilt nicht mehr.",
		"You have a key": "Du hast einen Key", "Make a key": "Erstelle einen Key", "It was made": "Er wurde erstellt am", "It cannot be shown again.": "Er kann nicht noch einmal gezeigt werden.",
		"A new key ends the one before at once.": "Ein neuer Key beendet den vorigen sofort.", "Make a new key": "Neuen Key erstellen", "Make the key": "Key erstellen",
		"How it is used": "So wird er benutzt", "API reference": "API-Referenz", "YOUR_API_KEY": "DEIN_API_KEY",

		// Logging in on the way to them.
		"Your account": "Dein Konto", "Log in": "Anmelden", "Sign up": "Konto anlegen", "E-mail or user name": "E-Mail oder Benutzername", "User name": "Benutzername",
		"E-mail": "E-Mail", "3 to 64 of a–z, 0–9, “.”, “_” and “-”, not digits only": "3 bis 64 von a–z, 0–9, „.“, „_“ und „-“, nicht nur Ziffern",
		"8 characters or more": "8 Zeichen oder mehr", "Create the account": "Konto erstellen", "Your session has ended: log in again.": "Deine Sitzung ist zu Ende: Melde dich neu an.",
	}
	maps.Copy(out, germanErrors())
	return out
}

// germanErrors says what goes wrong.
func germanErrors() map[string]string {
	return map[string]string{ //nolint:gosec // words, no password
		"That did not work": "Das hat nicht geklappt", "This is not allowed": "Das ist nicht erlaubt", "There is nothing here": "Hier ist nichts", "Too many attempts": "Zu viele Versuche",
		"A part of this server is away": "Ein Teil dieses Servers ist nicht da", "Something went wrong": "Etwas ist schiefgegangen",
		"To the start page": "Zur Startseite", "To your account": "Zu deinem Konto",
		"Line %d: %s.": "Zeile %d: %s.", "it is empty": "da steht nichts", "it has more than 2048 bytes": "der Link hat mehr als 2048 Byte", "it is not UTF-8": "das ist kein UTF-8",
		"it has white space, a control character or a quotation mark in it": "im Link sind Leerzeichen, Steuerzeichen oder Anführungszeichen", "it is malformed": "das ist keine Adresse",
		"the URL must start with http:// or https://":                               "eine Adresse beginnt mit http:// oder https://",
		"the URL must not hold a user name or password":                             "in der Adresse darf kein Benutzername und kein Passwort stehen",
		"the URL has no host, or an empty port":                                     "der Adresse fehlt der Host, oder ihr Port ist leer",
		"the URL's port is not a number from 1 to 65535":                            "der Port der Adresse ist keine Zahl von 1 bis 65535",
		"the URL's IPv6 address is malformed, has a zone, or hides an IPv4 address": "die IPv6-Adresse ist fehlerhaft, hat eine Zone oder verbirgt eine IPv4-Adresse",
		"the URL's host ends with a dot; leave it out":                              "der Host endet mit einem Punkt; lass ihn weg", "the URL's host is not UTF-8": "der Host ist kein UTF-8",
		"the URL's host is neither a host name nor a plain IP address":      "der Host ist weder ein Name noch eine einfache IP-Adresse",
		"“+” stands in front of a link that stands in for the one above it": "„+“ steht vor einem Link, der den darüber ersetzt",
		"A new password and none at all do not fit together.":               "Ein neues Passwort und gar keines passen nicht zusammen.",
		"A group has 64 characters at most, without control characters.":    "Eine Gruppe hat höchstens 64 Zeichen, ohne Steuerzeichen.",
		"A password has 1024 bytes at most.":                                "Ein Passwort hat höchstens 1024 Byte.",
		"The name and the password do not fit together.":                    "Name und Passwort passen nicht zusammen.",
		"! links.container_not_found":                                       "Diesen Container gibt es nicht.",
		"! edge.log_in":                                                     "Melde dich zuerst an.",
		"! auth.bad_token":                                                  "Deine Anmeldung gilt nicht mehr. Melde dich neu an.",
		"! auth.throttled":                                                  "Zu viele Versuche.",
		"! auth.username_taken":                                             "Der Benutzername ist vergeben.",
		"! auth.email_taken":                                                "Die E-Mail-Adresse wird schon benutzt.",
		"! edge.rate_limited":                                               "Zu viele Anfragen von dieser Adresse.",
		"! edge.body_too_large":                                             "Das Formular ist zu groß.",
		"! invalid_request":                                                 "Eine Angabe fehlt oder ist zu lang.",
		"! timeout":                                                         "Der Server hat zu lange gebraucht. Versuche es gleich noch einmal.",
		"! edge.audit_unavailable":                                          "Zurzeit lässt sich nichts ändern. Versuche es gleich noch einmal.",
		"! links.bad_title":                                                 "Ein Titel hat 1 bis 200 Zeichen, ohne Steuerzeichen.",
		"! links.too_many_links":                                            "Ein Container hat 1 bis 1000 Links.",
		"! links.quota_exceeded":                                            "Mehr Container für heute oder mehr Links erlaubt dein Tarif nicht.",
		"! links.edit_gone":                                                 "Eine andere Änderung kam dazwischen. Versuche es noch einmal.",
		"! links.throttled":                                                 "Zu viele falsche Passwörter.",
		"! links.locked":                                                    "Öffne den Container zuerst auf seiner Seite.",
		"! edge.no_mirror":                                                  "Diesen Mirror hat der Container nicht.",
		"! edge.no_route":                                                   "Unter dieser Adresse ist nichts.",
		"! edge.method_not_allowed":                                         "So lässt sich diese Adresse nicht aufrufen.",
		"! edge.cross_origin":                                               "Die Anfrage kommt von der Seite eines anderen Anbieters.",
		"! edge.too_many_watchers":                                          "Zu viele Seiten sehen zu.",
		"! internal":                                                        "Auf dem Server ist ein Fehler aufgetreten.",
		"! unavailable":                                                     "Ein Teil des Servers antwortet gerade nicht. Versuche es gleich noch einmal.",
	}
}

package web

// german is what the pages of containers say in German, by the English of it;
// behind "! " by the code of an error. TestGerman holds that nothing that
// the templates say is missing.
func german() map[string]string {
	return map[string]string{ //nolint:gosec // words, no password
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
		"There are none here.": "Hier sind keine.", "No containers yet.": "Noch keine Container.", "Newest": "Neueste", "Older": "Ältere",
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

		// Errors.
		"That did not work": "Das hat nicht geklappt", "This is not allowed": "Das ist nicht erlaubt", "There is nothing here": "Hier ist nichts", "Too many attempts": "Zu viele Versuche",
		"A part of this server is away": "Ein Teil dieses Servers ist nicht da", "Something went wrong": "Etwas ist schiefgegangen",
		"To the start page": "Zur Startseite", "To your account": "Zu deinem Konto",
		"! links.container_not_found": "Diesen Container gibt es nicht.",
		"! links.bad_title":           "Ein Titel hat 1 bis 200 Zeichen, ohne Steuerzeichen.",
		"! links.too_many_links":      "Ein Container hat 1 bis 1000 Links.",
		"! links.quota_exceeded":      "Mehr Container für heute oder mehr Links erlaubt dein Tarif nicht.",
		"! links.edit_gone":           "Eine andere Änderung kam dazwischen. Versuche es noch einmal.",
		"! links.throttled":           "Zu viele falsche Passwörter.",
		"! links.locked":              "Öffne den Container zuerst auf seiner Seite.",
		"! edge.no_mirror":            "Diesen Mirror hat der Container nicht.",
		"! edge.no_route":             "Unter dieser Adresse ist nichts.",
		"! edge.method_not_allowed":   "So lässt sich diese Adresse nicht aufrufen.",
		"! edge.cross_origin":         "Die Anfrage kommt von der Seite eines anderen Anbieters.",
		"! edge.too_many_watchers":    "Zu viele Seiten sehen zu.",
		"! internal":                  "Auf dem Server ist ein Fehler aufgetreten.",
		"! unavailable":               "Ein Teil des Servers antwortet gerade nicht. Versuche es gleich noch einmal.",
	}
}

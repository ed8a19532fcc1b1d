package web

// germanHosting is what the pages of files and folders say in German, as german.
func germanHosting() map[string]string {
	return map[string]string{ //nolint:gosec // words, no password
		// A file's pages.
		"Download": "Herunterladen", "Download page": "Download-Seite", "Downloads": "Downloads", "Information": "Informationen", "Statistics": "Statistik",
		"This file is protected: its owner has told you a phrase.": "Diese Datei ist geschützt: Ihr Besitzer hat dir ein Kennwort genannt.",
		"Phrase": "Kennwort", "That is not the phrase.": "Das ist nicht das Kennwort.", "Look at it first": "Erst ansehen",
		"This file is yours:": "Diese Datei gehört dir:", "manage it": "verwalten", "About this file": "Über diese Datei",
		"Size": "Größe", "Type": "Typ", "Uploaded": "Hochgeladen", "Changed": "Geändert", "Filename": "Dateiname", "Filesize": "Dateigröße", "Status": "Status", "Active": "Aktiv",
		"Keywords": "Stichwörter", "Description": "Beschreibung", "To delete it": "Zum Löschen",
		"Whoever has this address can put the file into your trash.": "Wer diese Adresse hat, kann die Datei in deinen Papierkorb legen.",
		"Visitors": "Besucher", "Visitors on each of the last %d days, %d at most": "Besucher an jedem der letzten %d Tage, höchstens %d",
		"Whoever opens the page or the file counts once in half an hour; search engines do not.": "Wer die Seite oder die Datei öffnet, zählt einmal in einer halben Stunde; Suchmaschinen zählen nicht.",
		"The file is deleted.": "Die Datei ist gelöscht.", "Delete this file? Its links work no more then.": "Diese Datei löschen? Ihre Links gehen dann nicht mehr.",
		"It lies in its owner’s trash for a while, and its links work no more.": "Sie liegt noch eine Weile im Papierkorb ihres Besitzers, und ihre Links gehen nicht mehr.",
		"Delete the file": "Datei löschen", "Keep it": "Behalten",

		// A folder's page, and the search.
		"The folder above": "Übergeordneter Ordner", "This folder is protected": "Dieser Ordner ist geschützt", "This folder is yours:": "Dieser Ordner gehört dir:",
		"Nobody but you sees this folder:": "Nur du siehst diesen Ordner:", "First page": "Erste Seite", "Next page": "Nächste Seite",
		"1 file": "1 Datei", "%d files": "%d Dateien", "1 folder": "1 Ordner", "%d folders": "%d Ordner", "1 download": "1 Download", "%d downloads": "%d Downloads",
		"Search": "Suchen", "Words that names begin with": "Wörter, mit denen Namen beginnen", "Found are public folders and the files in them.": "Gefunden werden öffentliche Ordner und die Dateien darin.",
		"Found": "Gefunden", "Nothing was found.": "Nichts wurde gefunden.", "Nothing on this page.": "Nichts auf dieser Seite.",

		// The file manager.
		"Files": "Dateien", "Folders": "Ordner", "Folders above": "Übergeordnete Ordner", "Trash": "Papierkorb", "Sharing": "Freigabe", "Copy link": "Link kopieren", "Copy the link of %s": "Link von %s kopieren",
		"Select all": "Alle auswählen", "Select %s": "%s auswählen", "%d selected": "%d ausgewählt", "All": "Alle", "Move": "Verschieben", "Restore": "Wiederherstellen", "Delete for good": "Endgültig löschen", "Delete it for good?": "Endgültig löschen?",
		"Properties": "Eigenschaften", "Properties of %s": "Eigenschaften von %s", "This folder is empty.": "Dieser Ordner ist leer.", "New folder": "Neuer Ordner", "Name": "Name", "New name of %s": "Neuer Name von %s",
		"Keys: arrows, Enter opens, Space selects, F2 renames, Delete trashes, Ctrl+A selects all, Escape none. Drag onto a folder to move.": "Tasten: Pfeile, Eingabe öffnet, Leertaste wählt aus, F2 benennt um, Entf löscht, Strg+A wählt alles, Escape nichts. Auf einen Ordner ziehen verschiebt.",
		"private": "privat", "unlisted": "nur per Link", "public": "öffentlich",
		"The trash is empty.": "Der Papierkorb ist leer.", "here since": "hier seit", "gone for good": "endgültig weg am", "What lies here still counts as stored.": "Was hier liegt, zählt noch zum Speicher.",
		"Move to": "Verschieben nach", "Copy to": "Kopieren nach", "Move it here": "Hierher verschieben", "Copy it here": "Hierher kopieren", "Cancel": "Abbrechen", "There are no folders in here.": "Hierin sind keine Ordner.",
		"To its folder": "Zu seinem Ordner", "Open its page": "Seite öffnen", "Phrase and signed link": "Kennwort und signierter Link", "Name and description": "Name und Beschreibung",
		"Who may see it": "Wer ihn sehen darf", "Private": "Privat", "nobody but you": "niemand außer dir", "Unlisted": "Nur per Link", "whoever has the link": "wer den Link hat",
		"Public": "Öffentlich", "the search of this site finds it, too": "auch die Suche dieser Seite findet ihn", "Another password": "Anderes Passwort",
		"The link of a folder has only its number in it, which can be guessed; a password keeps others out.": "Der Link eines Ordners enthält nur dessen Nummer, die sich erraten lässt; ein Passwort hält andere fern.",
		"The link of each file works for whoever has it, whatever its folder is.":                            "Der Link jeder Datei geht für alle, die ihn haben, wie auch immer ihr Ordner freigegeben ist.",
		"%d of %d are done.":  "%d von %d sind erledigt.",
		"Move or delete":      "Verschieben oder löschen",
		"The folder is made.": "Der Ordner ist erstellt.", "It is moved.": "Es ist verschoben.", "It is copied.": "Es ist kopiert.",
		"It is in the trash, and can be restored from there.": "Es liegt im Papierkorb und kann von dort wiederhergestellt werden.", "It is restored.": "Es ist wiederhergestellt.", "It is gone for good.": "Es ist endgültig gelöscht.",

		// The uploader.
		"Upload": "Hochladen", "Upload a file": "Eine Datei hochladen", "Uploads": "Uploads", "Region": "Region", "Drop files here": "Dateien hier ablegen", "or choose them": "oder auswählen",
		"Uploading from this page needs JavaScript. Without it, use the API:": "Hochladen von dieser Seite braucht JavaScript. Ohne geht es über die API:",
		"Up to %s each.": "Je bis zu %s.", "Up to %s each, kept for %s.": "Je bis zu %s, aufbewahrt %s.",
		"A broken connection or a closed page is no loss: the upload goes on where it was.": "Ist die Verbindung weg oder die Seite zu, geht nichts verloren: Der Upload geht weiter, wo er war.",
		"Phrase for downloads (optional)": "Kennwort für Downloads (freiwillig)", "whoever downloads must know it": "wer herunterlädt, muss es wissen",

		// Errors, in whole sentences.
		"There is no such folder.": "Diesen Ordner gibt es nicht.",
		"Nothing is selected.":     "Nichts ist ausgewählt.",
		"A name has 1 to 255 bytes, no slash and no control characters.": "Ein Name hat 1 bis 255 Byte, keinen Schrägstrich und keine Steuerzeichen.",
		"A new password and none at all do not fit together.":            "Ein neues Passwort und gar keines passen nicht zusammen.",
		"The file never was here, has been deleted, or has expired.":     "Diese Datei war nie hier, ist gelöscht oder abgelaufen.",
		"! edge.wrong_folder_password":                                   "Das ist nicht das Passwort des Ordners.",
		"! edge.wrong_hash":                                              "Der Code in dieser Adresse ist nicht der dieser Datei.",
		"! edge.bad_download_token":                                      "Dieser Download-Link gilt nicht oder nicht mehr.",
		"! edge.rate_limited":                                            "Zu viele Versuche.",
		"! object.node_exists":                                           "Diesen Namen gibt es hier schon.",
		"! object.node_cycle":                                            "Ein Ordner kann nicht in sich selbst liegen.",
		"! object.parent_not_found":                                      "Den Zielordner gibt es nicht mehr.",
	}
}

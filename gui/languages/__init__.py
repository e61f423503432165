"""The app's languages: texts are looked up in Qt Linguist's files, one folder per language and one file per room."""

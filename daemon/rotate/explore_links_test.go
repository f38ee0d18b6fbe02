package rotate_test

import (
	"context"
	"path/filepath"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// putLinks creates the two linked files, with texts around the pair that must stay.
func (w *scene) putLinks(id, secret string) {
	w.disk.Put(envFile, []byte("# mine\nexport AWS_ACCESS_KEY_ID='"+id+"'\nAWS_SECRET_ACCESS_KEY="+secret+"\nOTHER=1\n"), false)
	w.disk.Put(jsonFile, []byte("{\"s3\": {\r\n\t\"accessKey\": \""+id+"\", \"secretKey\": \""+secret+"\"}}"), false)
}

// linksInSettings returns the linked files that keyd.ini has now.
func (r *take) linksInSettings() (links []settings.Link) {
	if !r.links {
		return nil
	}
	if !r.ghost.unlinked {
		links = append(links, settings.Link{Path: envFile})
	}
	return append(links, settings.Link{Path: jsonFile})
}

// isLinked reports whether the place is a linked file.
func (p place) isLinked() bool { return p.path == envFile || p.path == jsonFile }

// isKept reports whether keyd keeps the place up to date. What an unlinked file shows is the
// business of the person who unlinked it.
func (w *scene) isKept(p place) bool { return p.path != envFile || !w.ghost.unlinked }

// linksShow reports whether each linked file that there is shows the key id.
func (w *scene) linksShow(id string) bool {
	for _, p := range places {
		if shown, whole := w.shownKey(p); p.isLinked() && shown != "" && (shown != id || !whole) {
			return false
		}
	}
	return true
}

// linkFates are the fates in which a person changes the first linked file. It may be cut in
// the middle of the id, as by a full disk, but never in a way in which it shows half of a
// pair: that is a text of the person's, which keyd leaves alone as well.
var linkFates = []fate{
	{name: "link moved away", link: true, inFiles: true, act: func(w *scene) {
		if text := w.disk.Data(envFile); len(text) > 0 {
			w.ghost.movedLink = string(text)
			around := w.disk.Around
			w.disk.Around = nil // what a person does is no effect
			_ = w.disk.Remove(envFile)
			w.disk.Around, w.ghost.shape = around, w.filesShape()
		}
	}, rank: inPairs},
	{name: "link put back", link: true, inFiles: true, act: func(w *scene) {
		if w.ghost.movedLink != "" {
			w.editLink(func(string) string { return w.ghost.movedLink })
			w.ghost.movedLink = ""
		}
	}, rank: inPairs},
	{name: "link edited", link: true, inFiles: true, act: func(w *scene) {
		w.editLink(func(text string) string { return text + "MORE=2\n" })
	}, rank: inPairs},
	{name: "link cut", link: true, inFiles: true, act: func(w *scene) {
		w.editLink(func(text string) string { return text[:min(len(text), 40)] })
	}, rank: inSingles},
	{name: "link: third key", link: true, inFiles: true, act: func(w *scene) {
		id, secret := w.addStranger()
		w.editLink(func(text string) string {
			shown, _ := w.shownKey(place{path: envFile})
			if shown == "" {
				return text
			}
			return strings.NewReplacer(shown, id, w.cloud.Secrets()[shown], secret).Replace(text)
		})
	}, rank: inSingles},
	{name: "link: old text restored", link: true, inFiles: true, act: func(w *scene) {
		first := w.ghost.of[alice].firstKey
		w.editLink(func(text string) string {
			shown, _ := w.shownKey(place{path: envFile})
			if shown == "" {
				return text
			}
			return strings.NewReplacer(shown, first.ID, w.cloud.Secrets()[shown], first.Secret.Reveal()).Replace(text)
		})
	}, rank: inPairs},
}

// editLink replaces the first linked file with a changed copy, as an editor does. What the
// person has written is what must stay from then on.
func (w *scene) editLink(change func(string) string) {
	before := string(w.disk.Data(envFile))
	if before == "" && w.ghost.movedLink == "" {
		return
	}
	if after := change(before); after != before {
		w.disk.Put(envFile, []byte(after), true)
		w.ghost.shape = w.filesShape()
	}
}

// unlinkFile returns the command keyd unlink for a file, and a pass after it.
func unlinkFile(path string) command {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		ini := settings.File{Path: filepath.Join(homeFolder, "keyd.ini"), Sys: atomicfile.OS{}} // there is none: the settings are in memory
		if _, err := r.d.Unlink(ctx, []string{path}, ini); err != nil {
			return nil, err
		}
		r.ghost.unlinked = r.ghost.unlinked || path == envFile
		r.d.Settings.Links = r.linksInSettings()
		return r.runPass(ctx, rotate.Request{Options: decide.Options{Manual: true}})
	}
}

package shadow

import "golang.org/x/sys/windows/registry"

// userVariables returns the variables that setx, or a person in the settings of Windows,
// has stored for this user or for the machine.
func userVariables() (all []Shadow) {
	for _, place := range []struct {
		root registry.Key
		path string
		name string
	}{
		{registry.CURRENT_USER, `Environment`, `HKCU\Environment`},
		{registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\Session Manager\Environment`, `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`},
	} {
		key, err := registry.OpenKey(place.root, place.path, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		for _, name := range variables {
			if value, _, err := key.GetStringValue(name); err == nil && value != "" {
				all = append(all, Shadow{Kind: Registry, Path: place.name, Variable: name, KeyID: idIn(value)})
			}
		}
		_ = key.Close()
	}
	return all
}

package install

// Plan describes what Install would do.
type Plan struct {
	Platform string     // name of the service manager
	File     string     // path of the definition that is written
	Program  string     // path of the program that starts at login
	Env      []Variable // environment variables for the program, sorted by name
	LeftOut  []Omission // environment variables that the program will not have, sorted by name
}

// Plan returns what Install would do. It writes nothing.
func (s *Service) Plan() (Plan, error) {
	program, err := s.host.Program()
	if err != nil {
		return Plan{}, err
	}
	env, left, err := Environment(s.host.Getenv)
	if err != nil {
		return Plan{}, err
	}
	file := s.login.definitionPath()
	if u, ok := s.login.(*unit); ok { // it may replace a unit by a drop-in, and the reverse
		file = u.plannedPath()
	}
	return Plan{Platform: s.login.Platform(), File: file, Program: program, Env: env, LeftOut: left}, nil
}

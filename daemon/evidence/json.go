package evidence

import "encoding/json"

// JSON returns the report as one JSON object, indented.
func (r *Report) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

package git

import (
	"strings"

	"github.com/firebreak-ops/firebreak/plugins"
	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// order is what a mutating call asks for, of whom it is, and for whom.
type order struct {
	capability.SettingsOrder

	call   string
	origin plugins.Origin
}

func orderOf(call plugins.Call) (order, error) {
	asked, err := capability.SettingsOrderOf("git", call)
	if err == nil {
		err = capability.NoWaves("one file", asked.Waves)
	}
	return order{asked, call.ID, call.Origin}, err
}

// The trailers of a commit's message.
const (
	callTrailer      = "Firebreak-Call: "
	runTrailer       = "Firebreak-Run: "
	requestedTrailer = "Requested-by: "
	approvedTrailer  = "Approved-by: "
)

// message is the commit's message. Its trailers name, for people, the run and
// on whose word it was made, and the call, so that a probe can find the commit.
func (o order) message(from capability.Scalar) string {
	body, trailers := "", []string(nil)
	if o.Undoes != "" {
		trailers = append(trailers, "Undoes: "+o.Undoes)
	}
	if o.origin.RequestedBy != "" {
		trailers = append(trailers, requestedTrailer+line(o.origin.RequestedBy))
	}
	for _, name := range o.origin.ApprovedBy {
		trailers = append(trailers, approvedTrailer+line(name))
	}
	if o.origin.Run != "" {
		trailers = append(trailers, runTrailer+line(o.origin.Run))
		body = "Made by firebreak in run " + line(o.origin.Run)
		if len(o.origin.ApprovedBy) > 0 {
			body += ", approved by " + line(strings.Join(o.origin.ApprovedBy, ", "))
		}
		body += ".\n\n"
	}
	trailers = append(trailers, callTrailer+o.call)
	return o.Title(from) + "\n\n" + body + strings.Join(trailers, "\n") + "\n"
}

// author is who the commit is by: firebreak, for those who approved it.
func (o order) author() string {
	if len(o.origin.ApprovedBy) == 0 {
		return author
	}
	// What git takes for the end of a name may not stand in one.
	return author + " for " + strings.NewReplacer("<", "", ">", "").Replace(line(strings.Join(o.origin.ApprovedBy, ", ")))
}

// line is text that cannot begin another line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

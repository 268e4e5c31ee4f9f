package alerts

import (
	"fmt"

	"github.com/firebreak-ops/firebreak/engine/expr"
	"github.com/firebreak-ops/firebreak/engine/service"
)

// snsBody is the envelope of Amazon SNS. Its message is a text.
type snsBody struct {
	Type         string `json:"Type"`
	TopicArn     string `json:"TopicArn"`
	Message      string `json:"Message"`
	SubscribeURL string `json:"SubscribeURL"`
}

// parseSNS reads a message of SNS, whose mapping is of what is inside. A
// handshake is never answered by itself: whoever may make us call an address
// could be anybody.
func parseSNS(s *service.Source, body []byte) (Delivery, error) {
	in, err := decode[snsBody](body)
	if err != nil {
		return Delivery{}, err
	}
	switch in.Type {
	case "Notification":
	case "SubscriptionConfirmation":
		return Delivery{Note: "topic " + clip(in.TopicArn) + " asks whether to send alerts here; to say yes, open " + in.SubscribeURL}, nil
	case "UnsubscribeConfirmation":
		return Delivery{Note: "topic " + clip(in.TopicArn) + " no longer sends alerts here; to have them again, open " + in.SubscribeURL}, nil
	default:
		return Delivery{}, refusef("turn raw message delivery off, or write kind: json", "its Type is %q, none of Amazon SNS", clip(in.Type))
	}
	v, err := expr.Any().Decode([]byte(in.Message))
	if err != nil {
		return Delivery{}, fmt.Errorf("its Message cannot be read as JSON: %w", err)
	}
	return mapping{*s.Mapping, expr.Vars{"body": v}}.alert(s.Name)
}

package bus

// What tests of outside bytes need to see.
var (
	ParseEnvelope = parseEnvelope
	EncodeValue   = encodeValue
	DecodeValue   = decodeValue
	Token         = token
	CheckSubject  = checkSubject
)

// Header gives the headers of an envelope.
func (e Envelope) Header() map[string]string { return e.header() }

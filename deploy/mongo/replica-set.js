// Makes the replica set of deploy/compose and the user of Sluice. mongosh runs it beside the first
// member, as often as you like: what is there stays.
const members = ["mongo-1:27017", "mongo-2:27017", "mongo-3:27017"];
const password = fs.readFileSync("/run/secrets/mongo.password", "utf8").trim();
const admin = db.getSiblingDB("admin");

const there = () => {
  try {
    return admin.auth("sluice", password).ok === 1;
  } catch (e) {
    return false;
  }
};

const make = () => {
  try {
    // The first member prefers to lead: only from localhost, on the primary, may the first user be made.
    rs.initiate({ _id: "sluice", members: members.map((host, _id) => ({ _id, host, priority: _id === 0 ? 2 : 1 })) });
    print("made replica set sluice");
  } catch (e) {
    if (e.codeName !== "AlreadyInitialized") throw e;
  }
  for (let i = 0; !db.hello().isWritablePrimary; i++) {
    if (i > 120) throw new Error("this member does not become the primary; it is " + db.hello().primary);
    sleep(500);
  }
  // Databases are sluice_<service>; clusterMonitor lets 'sluice doctor' see the members.
  admin.createUser({ user: "sluice", pwd: password, roles: ["readWriteAnyDatabase", "clusterMonitor"] });
  print("made user sluice");
};

if (there()) print("replica set and user are there");
else make();
